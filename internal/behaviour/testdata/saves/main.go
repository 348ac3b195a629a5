// Command saves writes rows that are not stored with Save and with Updates, and says what the plugin sends.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

type note struct {
	ID   uint
	Text string
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	db, err := gorm.Open(sqlite.Open(file), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return err
	}
	if err = db.AutoMigrate(&note{}); err != nil {
		return err
	}
	if err = db.Use(signals.Plugin{}); err != nil {
		return err
	}
	var heard []string
	notes := signals.For[note](db)
	notes.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*note]) error {
		heard = append(heard, fmt.Sprintf("pre_save created=%t", e.Created))
		return nil
	})
	notes.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*note]) error {
		heard = append(heard, fmt.Sprintf("post_save created=%t", e.Created))
		return nil
	})
	tx := db.Save(&note{ID: 1, Text: "a"})
	fmt.Printf("save: %s, %d row\n", strings.Join(heard, ", "), tx.RowsAffected)
	heard = nil
	tx = db.Select("*").Updates(&note{ID: 2, Text: "b"})
	fmt.Printf("updates: %s%d rows\n", strings.Join(heard, ", "), tx.RowsAffected)
	return tx.Error
}
