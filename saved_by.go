package signals

import (
	"errors"
	"reflect"
	"runtime"

	"gorm.io/gorm"
)

// maxFrames is how far down the stack a call of Save is looked for. GORM's own calls take four frames; other plugins may wrap callbacks.
const maxFrames = 64

// calledBySave reports whether DB.Save started the statement. From inside, Save looks like Select("*").Updates, but it goes on to
// insert a row that the update does not find. Ask only when an update finds no row.
func calledBySave() bool {
	save, updates := functionOf((*gorm.DB).Save), functionOf((*gorm.DB).Updates)
	pcs := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		frame, more := frames.Next()
		if save.runs(frame) {
			return true
		}
		if updates.runs(frame) || !more {
			return false
		}
	}
}

// function is a function as the stack shows it. Its name differs in obfuscated programs, and can be empty there.
type function struct {
	entry uintptr
	name  string // in this program
}

func functionOf(f any) function {
	entry := reflect.ValueOf(f).Pointer()
	if found := runtime.FuncForPC(entry); found != nil {
		return function{found.Entry(), found.Name()}
	}
	return function{entry: entry}
}

// runs reports whether a frame belongs to the function. A frame of its own has the function's address. A frame that the compiler
// inlined into another function has only the name.
func (f function) runs(frame runtime.Frame) bool {
	if frame.Func != nil {
		return frame.Func.Entry() == f.entry
	}
	return f.name != "" && frame.Function == f.name
}

// saved is the model of the statements that testSaved makes.
type saved struct {
	ID   uint
	Name string
}

// testSaved finds out whether recognized, which is calledBySave, tells Save from Updates in this program, and whether the two statements of
// a Save share memory. The statements belong to a database of their own without a connection and without callbacks, so that nobody but the
// test sees them.
func testSaved(recognized func() bool) error {
	db, err := gorm.Open(nil, &gorm.Config{SkipDefaultTransaction: true, DisableAutomaticPing: true})
	if err != nil {
		return err
	}
	var answers []bool
	var names []*string
	err = errors.Join(
		db.Callback().Update().Register("signals:saved", func(db *gorm.DB) {
			answers, names = append(answers, recognized()), append(names, namesOf(db.Statement))
		}),
		db.Callback().Create().Register("signals:saved", func(db *gorm.DB) { names = append(names, namesOf(db.Statement)) }),
	)
	if err != nil {
		return err
	}
	row := &saved{ID: 1, Name: "a"}
	if err = errors.Join(db.Save(row).Error, db.Select("*").Updates(row).Error); err != nil {
		return err
	}
	if len(answers) != 2 || !answers[0] || answers[1] || len(names) != 3 || names[0] == nil || names[0] != names[1] {
		return errSaveUnknown
	}
	return nil
}
