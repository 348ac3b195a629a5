package beside

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// Setup describes the surroundings of a script.
type Setup struct {
	Others    [][2]int // index of the other, and of its place
	Late      bool     // they are registered after db.Use
	Receivers int
	Mode      int
	Batch     int  // rows in a batch of a conditional write; 0 means the default
	Keeps     bool // triggers keep rows with a certain name from being written
}

// mode is a way to open a database.
type mode struct {
	name   string
	config gorm.Config
}

func modes() []mode {
	return []mode{
		{"plain", gorm.Config{}},
		{"PrepareStmt", gorm.Config{PrepareStmt: true}},
		{"SkipDefaultTransaction", gorm.Config{SkipDefaultTransaction: true}},
		{"CreateBatchSize", gorm.Config{CreateBatchSize: 2}},
		{"TranslateError", gorm.Config{TranslateError: true}},
		{"FullSaveAssociations", gorm.Config{FullSaveAssociations: true}},
		{"QueryFields", gorm.Config{QueryFields: true}},
		{"AllowGlobalUpdate", gorm.Config{AllowGlobalUpdate: true}},
	}
}

func (s *Setup) mode() mode { return modes()[s.Mode] }

func (s *Setup) variant() receivers { return variants()[s.Receivers] }

// loose reports whether an other may make the caller's struct of a create differ from the stored row.
func (s *Setup) loose() bool {
	for _, o := range s.Others {
		if others()[o[0]].changes {
			return true
		}
	}
	return false
}

// fails reports whether an other lets calls fail. Then post signals may have been sent for rows that are rolled back.
func (s *Setup) fails() bool {
	for _, o := range s.Others {
		if others()[o[0]].fails {
			return true
		}
	}
	return false
}

// String describes a setup.
func (s *Setup) String() string {
	parts := make([]string, len(s.Others))
	for i, o := range s.Others {
		parts[i] = fmt.Sprintf("a callback %q that %s", places()[o[1]].name, others()[o[0]].name)
	}
	order := "before db.Use"
	if s.Late {
		order = "after db.Use"
	}
	return fmt.Sprintf("beside %s, registered %s; receivers: %s; mode %s, BatchSize %d, triggers keep rows: %t",
		strings.Join(parts, " and "), order, s.variant().name, s.mode().name, s.Batch, s.Keeps)
}

// connect opens the database of a world for a setup, with or without the plugin.
func (w *world) connect(s *Setup, plugin bool) (*gorm.DB, error) {
	config := s.mode().config
	config.Logger, config.NowFunc = logger.Discard, func() time.Time { return w.now }
	db, err := w.open(&config)
	if err != nil {
		return nil, err
	}
	w.inHooks = nil
	register := func() error {
		for i, o := range s.Others {
			if failure := w.register(db, others()[o[0]], places()[o[1]], i); failure != nil {
				return failure
			}
		}
		return nil
	}
	if !s.Late {
		err = register()
	}
	if err == nil && plugin {
		err = db.Use(signals.Plugin{BatchSize: s.Batch, ErrorHandler: w.heard.handle})
	}
	if err == nil && s.Late {
		err = register()
	}
	if err == nil && plugin {
		s.variant().connect(w, db)
	}
	return db.WithContext(context.WithValue(context.Background(), worldKey{}, w)), err
}
