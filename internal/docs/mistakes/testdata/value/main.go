// Program value does not compile: its receiver takes an event of a struct and not of a pointer.
package main

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Order is a model.
type Order struct{ ID uint }

func greet(_ context.Context, e signals.SaveEvent[Order]) error { return nil } // wrong: no pointer

func connect(db *gorm.DB) {
	signals.For[Order](db).PostSave.Connect(greet)
}

func main() {}
