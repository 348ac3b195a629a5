package gormdocs_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestSendsWhatTheDeletePageWrites follows https://gorm.io/docs/delete.html.
func TestSendsWhatTheDeletePageWrites(t *testing.T) {
	t.Parallel()
	runDocs(t, slices.Concat(docsDeleteCases(), docsDeleteMoreCases(), docsSoftDeleteCases()))
}

const docsEmailsGone = `
	pre_delete hard email 1 e1 of 1
	pre_delete hard email 2 e2 of 1
	pre_delete hard email 3 e3 of 2
	post_delete hard email 1 e1 of 1
	post_delete hard email 2 e2 of 1
	post_delete hard email 3 e3 of 2`

const docsTwoEmailsGone = `
	pre_delete hard email 1 e1 of 1
	pre_delete hard email 2 e2 of 1
	post_delete hard email 1 e1 of 1
	post_delete hard email 2 e2 of 1`

func docsDeleteCases() []docsCase {
	return []docsCase{
		{"delete a record", func(db *gorm.DB) error {
			return db.Delete(&docsEmail{ID: 1}).Error
		}, nil, `deletes hard email 1 e1 of 1`},
		{"delete with additional conditions", func(db *gorm.DB) error {
			return db.Where("email = ?", "e1").Delete(&docsEmail{ID: 1}).Error
		}, nil, `deletes hard email 1 e1 of 1`},
		{"delete with additional conditions that do not hold", func(db *gorm.DB) error {
			return db.Where("email = ?", "e2").Delete(&docsEmail{ID: 1}).Error
		}, nil, ""},
		{"delete a record that is not stored", func(db *gorm.DB) error { return db.Delete(&docsEmail{ID: 9}).Error }, nil, ""},
		{"delete with primary key", func(db *gorm.DB) error {
			return db.Delete(&docsEmail{}, 2).Error
		}, nil, `deletes hard email 2 e2 of 1`},
		{
			"delete with primary key as text", func(db *gorm.DB) error { return db.Delete(&docsEmail{}, "2").Error }, nil,
			`deletes hard email 2 e2 of 1`,
		},
		{"delete with primary keys", func(db *gorm.DB) error {
			var emails []docsEmail
			return db.Delete(&emails, []int{1, 2, 3}).Error
		}, nil, docsEmailsGone},
		{
			"delete hooks", func(db *gorm.DB) error { return db.Delete(&docsHooked{ID: 1, Name: "ann"}).Error }, nil,
			`deletes hard hooked 1 ann 40`,
		},
		{"delete hooks that refuse", func(db *gorm.DB) error {
			if db.Delete(&docsHooked{ID: 2, Name: "admin"}).Error == nil {
				return errors.New("the hook did not refuse")
			}
			return nil
		}, nil, ""},
		{"batch delete", func(db *gorm.DB) error {
			return db.Where("email LIKE ?", "%e%").Delete(&docsEmail{}).Error
		}, nil, docsEmailsGone},
	}
}

func docsDeleteMoreCases() []docsCase {
	return []docsCase{
		{"batch delete with inline condition", func(db *gorm.DB) error {
			return db.Delete(&docsEmail{}, "email LIKE ?", "%e%").Error
		}, nil, docsEmailsGone},
		{
			"batch delete of a slice", func(db *gorm.DB) error {
				return db.Delete(&[]docsEmail{{ID: 1}, {ID: 2}, {ID: 9}}).Error
			}, nil,
			docsTwoEmailsGone,
		},
		{"batch delete of a slice with conditions", func(db *gorm.DB) error {
			return db.Delete(&[]docsEmail{{ID: 1}, {ID: 2}, {ID: 3}}, "user_id = ?", 1).Error
		}, nil, docsTwoEmailsGone},
		{"block global delete", func(db *gorm.DB) error { return db.Delete(&docsEmail{}).Error }, gorm.ErrMissingWhereClause, ""},
		{"block global delete of a slice", func(db *gorm.DB) error {
			return db.Delete(&[]docsEmail{{Email: "e1"}, {Email: "e2"}}).Error
		}, gorm.ErrMissingWhereClause, ""},
		{"global delete by a condition", func(db *gorm.DB) error {
			return db.Where("1 = 1").Delete(&docsEmail{}).Error
		}, nil, docsEmailsGone},
		{"global delete by raw SQL", func(db *gorm.DB) error { return db.Exec("DELETE FROM docs_emails").Error }, nil, ""},
		{"AllowGlobalUpdate", func(db *gorm.DB) error {
			return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&docsEmail{}).Error
		}, nil, docsEmailsGone},
		{"returning all columns", func(db *gorm.DB) error {
			var emails []docsEmail
			return db.Clauses(clause.Returning{}).Where("user_id = ?", 1).Delete(&emails).Error
		}, nil, docsTwoEmailsGone},
		{"returning some columns", func(db *gorm.DB) error {
			var emails []docsEmail
			return db.Clauses(clause.Returning{Columns: []clause.Column{{Name: "email"}}}).Where("user_id = ?", 1).Delete(&emails).Error
		}, nil, docsTwoEmailsGone},
	}
}

func docsSoftDeleteCases() []docsCase {
	order := func(id uint) *docsOrder { return &docsOrder{Model: gorm.Model{ID: id}} }
	return []docsCase{
		{"soft delete", func(db *gorm.DB) error { return db.Delete(order(1)).Error }, nil, `deletes soft order 1 o1`},
		{"batch soft delete", func(db *gorm.DB) error { return db.Where("number <> ?", "").Delete(&docsOrder{}).Error }, nil, `
			pre_delete soft order 1 o1
			pre_delete soft order 2 o2
			post_delete soft order 1 o1
			post_delete soft order 2 o2`},
		{"soft delete of a deleted record", func(db *gorm.DB) error { return db.Delete(order(3)).Error }, nil, ""},
		{"find soft deleted records", func(db *gorm.DB) error {
			var orders []docsOrder
			return db.Unscoped().Where("number = 'o3'").Find(&orders).Error
		}, nil, ""},
		{"delete permanently", func(db *gorm.DB) error {
			return db.Unscoped().Delete(order(1)).Error
		}, nil, `deletes hard order 1 o1`},
		{
			"delete a soft-deleted record permanently", func(db *gorm.DB) error { return db.Unscoped().Delete(order(3)).Error }, nil,
			`deletes hard order 3 o3`,
		},
		{"restore a soft-deleted record", func(db *gorm.DB) error {
			return db.Unscoped().Model(order(3)).Update("deleted_at", nil).Error
		}, nil, `saves restore order 3 o3`},
	}
}

// TestDeleteReturnsWhatItReturnsWithoutThePlugin looks at the slices of the cases above.
func TestDeleteReturnsWhatItReturnsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	db, _ := openDocs(t)
	var emails []docsEmail
	tx := db.Clauses(clause.Returning{Columns: []clause.Column{{Name: "email"}}}).Where("user_id = ?", 1).Delete(&emails)
	assert.NoError(t, tx.Error)
	assert.Equal(t, int64(2), tx.RowsAffected)
	assert.Equal(t, []docsEmail{{Email: "e1"}, {Email: "e2"}}, emails)
}
