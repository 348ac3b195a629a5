package statement

import (
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/callers"
	"github.com/gorm-signals/signals/internal/fault"
)

// CalledBySave reports whether DB.Save started the statement. Its UPDATE looks like that of Select("*").Updates, but if it finds no row, Save inserts
// one. Call CalledBySave only if an UPDATE finds no row: it reads the call stack.
func CalledBySave() bool {
	save, updates := callers.Of((*gorm.DB).Save), callers.Of((*gorm.DB).Updates)
	frames := callers.Frames()
	for {
		frame, more := frames.Next()
		if save.Runs(frame) {
			return true
		}
		if updates.Runs(frame) || !more {
			return false
		}
	}
}

// saved is the model of the statements that Check makes.
type saved struct {
	ID   uint
	Name string
}

// Check tests that recognized, which is CalledBySave, distinguishes Save from Updates in this program, and that the two statements of a Save share
// memory. It opens a database of its own without a connection and without callbacks, so that nobody else sees the statements.
func Check(recognized func() bool) error {
	db, err := gorm.Open(nil, &gorm.Config{SkipDefaultTransaction: true, DisableAutomaticPing: true})
	if err != nil {
		return err
	}
	var answers []bool
	var names []*string
	err = errors.Join(
		db.Callback().Update().Register("signals:saved", func(db *gorm.DB) {
			answers, names = append(answers, recognized()), append(names, Names(db.Statement))
		}),
		db.Callback().Create().Register("signals:saved", func(db *gorm.DB) { names = append(names, Names(db.Statement)) }),
	)
	if err != nil {
		return err
	}
	row := &saved{ID: 1, Name: "a"}
	if err = errors.Join(db.Save(row).Error, db.Select("*").Updates(row).Error); err != nil {
		return err
	}
	if len(answers) != 2 || !answers[0] || answers[1] || len(names) != 3 || names[0] == nil || names[0] != names[1] {
		return fault.ErrSaveUnknown
	}
	return nil
}
