package workloads

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// install adds the plugin without receivers.
func install(db *gorm.DB) (*signals.ModelSignals[*Product], error) {
	if err := db.Use(signals.Plugin{}); err != nil {
		return nil, err
	}
	return signals.For[Product](db), nil
}

// connected returns a way of GORM that calls connect first.
func connected(connect func(db *gorm.DB) error, prepare func(e *Env) (Work, error)) func(e *Env) (Work, error) {
	return func(e *Env) (Work, error) {
		if err := connect(e.DB); err != nil {
			return Work{}, err
		}
		return prepare(e)
	}
}

// nobody installs the plugin without receivers.
func nobody(db *gorm.DB) error {
	_, err := install(db)
	return err
}

// saves connects a pre_save and a post_save receiver that read a field.
func saves(opts ...signals.ConnectOption) func(db *gorm.DB) error {
	return func(db *gorm.DB) error {
		s, err := install(db)
		if err != nil {
			return err
		}
		s.PreSave.Connect(readSaved, opts...)
		s.PostSave.Connect(readSaved, opts...)
		return nil
	}
}

func readSaved(_ context.Context, e signals.SaveEvent[*Product]) error {
	return CheckPrice(e.Instance.Price)
}

// compares connects a pre_save receiver that compares with the stored row, and a post_save receiver that reads a field.
func compares(db *gorm.DB) error {
	s, err := install(db)
	if err != nil {
		return err
	}
	s.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		old, err := e.Original()
		if err != nil || e.Created {
			return err
		}
		return ComparePrice(e.Instance.Price, old.Price)
	})
	s.PostSave.Connect(readSaved)
	return nil
}

// savesPost connects a post_save receiver that reads a field.
func savesPost(db *gorm.DB) error {
	s, err := install(db)
	if err != nil {
		return err
	}
	s.PostSave.Connect(readSaved, signals.Needs(signals.Row))
	return nil
}

// deletesPost connects a post_delete receiver that reads a field.
func deletesPost(db *gorm.DB) error {
	s, err := install(db)
	if err != nil {
		return err
	}
	s.PostDelete.Connect(readDeleted)
	return nil
}

// deletes connects a pre_delete and a post_delete receiver that read a field.
func deletes(db *gorm.DB) error {
	s, err := install(db)
	if err != nil {
		return err
	}
	s.PreDelete.Connect(readDeleted)
	s.PostDelete.Connect(readDeleted)
	return nil
}

func readDeleted(_ context.Context, e signals.DeleteEvent[*Product]) error {
	return CheckPrice(e.Instance.Price)
}

// commits connects a receiver that runs after the commit.
func commits(db *gorm.DB) error {
	s, err := install(db)
	if err != nil {
		return err
	}
	s.PostSave.Connect(readSaved, signals.AfterCommit())
	return nil
}

// crowds connects the receivers of saves, and receivers of 32 other models.
func crowds(db *gorm.DB) error {
	if err := saves()(db); err != nil {
		return err
	}
	fourOthers[int8](db)
	fourOthers[int16](db)
	fourOthers[int32](db)
	fourOthers[int64](db)
	fourOthers[uint8](db)
	fourOthers[uint16](db)
	fourOthers[uint32](db)
	fourOthers[uint64](db)
	return nil
}

func fourOthers[T any](db *gorm.DB) {
	listen[other[T]](db)
	listen[other[[1]T]](db)
	listen[other[[2]T]](db)
	listen[other[[3]T]](db)
}

// other is a model of a crowd: each T makes another type.
type other[T any] struct {
	ID    uint
	Name  string
	Price int64
	of    T
}

// TableName implements GORM's schema.Tabler.
func (o other[T]) TableName() string {
	_ = o.of
	return "others"
}

func listen[M any](db *gorm.DB) {
	s := signals.For[M](db)
	s.PreSave.Connect(func(context.Context, signals.SaveEvent[*M]) error { return nil })
	s.PostSave.Connect(func(context.Context, signals.SaveEvent[*M]) error { return nil })
}
