package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// writeJoinRows writes rows of the join table with a model, in the ways in which rows of any model are written.
func (s *linkScript) writeJoinRows() work {
	s.tb.Helper()
	var stored []Enrolment
	require.NoError(s.tb, s.current().Unscoped().Order("student_id, course_id").Find(&stored).Error)
	w := work{adds: true, gone: []string{"remove"}}
	first, second := s.enrolment(stored), s.enrolment(stored)
	of := func(db *gorm.DB, e Enrolment) *gorm.DB {
		return db.Model(&Enrolment{}).Where("student_id = ? AND course_id = ?", e.StudentID, e.CourseID)
	}
	name, run := joinRowWrite(s.byte(), first, second, of)
	w.mixed = strings.HasPrefix(name, "Unscoped Clear of") // its SQL is that of clearing the courses of a student
	w.text = fmt.Sprintf("%s of %s and %s", name, showEnrolment(first), showEnrolment(second))
	w.may = []error{gorm.ErrDuplicatedKey, gorm.ErrForeignKeyViolated}
	w.run = run
	return w
}

func showEnrolment(e Enrolment) string {
	return fmt.Sprintf("%d>%d (deleted: %t)", e.StudentID, e.CourseID, e.DeletedAt.Valid)
}

// enrolment returns a stored join row, or a row that may be stored or not.
func (s *linkScript) enrolment(stored []Enrolment) Enrolment {
	s.tb.Helper()
	b := s.byte()
	if b&1 == 0 && len(stored) > 0 {
		return stored[int(b>>1)%len(stored)]
	}
	students, courses := s.all(s.sides[2].owner), s.all(s.sides[3].owner)
	e := Enrolment{StudentID: 9_999_999, CourseID: 9_999_999, Grade: "new"}
	if len(students) > 0 {
		e.StudentID, _ = students[int(b>>1&7)%len(students)].key()[0].(uint)
	}
	if len(courses) > 0 {
		e.CourseID, _ = courses[int(b>>4)%len(courses)].key()[0].(uint)
	}
	return e
}

// joinRowWrite picks one of the ways to write join rows.
func joinRowWrite(b byte, first, second Enrolment, of func(*gorm.DB, Enrolment) *gorm.DB) (string, func(*gorm.DB) error) {
	writes := []struct {
		name string
		run  func(*gorm.DB) error
	}{
		{"Create", func(db *gorm.DB) error { return db.Create(&first).Error }},
		{"Create of two", func(db *gorm.DB) error { return db.Create([]*Enrolment{&first, &second}).Error }},
		{"Create or nothing", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Enrolment{first, second, first}).Error
		}},
		{"Create or update", func(db *gorm.DB) error { return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&first).Error }},
		{"Create live or update", func(db *gorm.DB) error {
			first.DeletedAt = gorm.DeletedAt{}
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&first).Error
		}},
		{"Create from a map", func(db *gorm.DB) error {
			return db.Model(&Enrolment{}).Create(map[string]any{"student_id": first.StudentID, "course_id": first.CourseID, "grade": "map"}).Error
		}},
		{"Save", func(db *gorm.DB) error { return db.Save(&first).Error }},
		{"Unscoped Save as live", func(db *gorm.DB) error {
			first.DeletedAt = gorm.DeletedAt{}
			return db.Unscoped().Save(&first).Error
		}},
		{"Delete", func(db *gorm.DB) error { return db.Delete(&first).Error }},
		{"Delete of two", func(db *gorm.DB) error { return db.Delete([]Enrolment{first, second}).Error }},
		{"Unscoped Delete", func(db *gorm.DB) error { return db.Unscoped().Delete(&first).Error }},
		{"Delete by student", func(db *gorm.DB) error { return db.Where("student_id = ?", first.StudentID).Delete(&Enrolment{}).Error }},
		{"Unscoped Delete by course", func(db *gorm.DB) error {
			return db.Unscoped().Where("course_id = ?", first.CourseID).Delete(&Enrolment{}).Error
		}},
		{"Update of the grade", func(db *gorm.DB) error { return of(db, first).Update("grade", "updated").Error }},
		{"restore", func(db *gorm.DB) error { return of(db.Unscoped(), first).Update("deleted_at", nil).Error }},
		{"restore by Model", func(db *gorm.DB) error { return db.Unscoped().Model(&first).Update("deleted_at", nil).Error }},
		{"restore by student", func(db *gorm.DB) error {
			return db.Unscoped().Model(&Enrolment{}).Where("student_id = ?", first.StudentID).Update("deleted_at", nil).Error
		}},
		{"soft delete by Update", func(db *gorm.DB) error {
			return of(db, first).Update("deleted_at", time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)).Error
		}},
		{"Append to a student", func(db *gorm.DB) error {
			return db.Model(&Student{ID: first.StudentID}).Association("Enrolments").Append(&Enrolment{CourseID: second.CourseID}, &Enrolment{CourseID: first.CourseID})
		}},
		{"Create with a student", func(db *gorm.DB) error {
			return db.Create(&Student{Name: "enrolled", Enrolments: []Enrolment{{CourseID: first.CourseID}, {CourseID: second.CourseID}}}).Error
		}},
		{"Unscoped Clear of a student", func(db *gorm.DB) error {
			return db.Model(&Student{ID: first.StudentID}).Association("Enrolments").Unscoped().Clear()
		}},
		{"Unscoped Delete of a student", func(db *gorm.DB) error {
			return db.Model(&Student{ID: first.StudentID}).Association("Enrolments").Unscoped().Delete(&first)
		}},
		{"move to another course", func(db *gorm.DB) error { return of(db, first).Update("course_id", second.CourseID).Error }},
		{"move to another student and restore", func(db *gorm.DB) error {
			return of(db.Unscoped(), first).Updates(map[string]any{"student_id": second.StudentID, "deleted_at": nil}).Error
		}},
	}
	w := writes[int(b)%len(writes)]
	return w.name, w.run
}
