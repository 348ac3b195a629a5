// Package bare has the generic types of the library with all their methods, and the methods do nothing. What a model of it costs a program is the
// least that these types and methods can cost.
//
//nolint:revive,godoclint // Its methods are those of package signals.
package bare

import (
	"context"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals"
)

// answers has the size of the struct in the library that its events answer from.
type answers struct {
	_, _, _ unsafe.Pointer
	_       int
}

// SaveEvent is signals.SaveEvent.
type SaveEvent[M any] struct {
	Instance M
	Created  bool
	_        answers
}

// DeleteEvent is signals.DeleteEvent.
type DeleteEvent[M any] struct {
	Instance      M
	Soft, Cascade bool
	_             answers
}

// LoadEvent is signals.LoadEvent.
type LoadEvent[M any] struct {
	Instance M
	_        answers
}

// ChangeEvent is signals.ChangeEvent.
type ChangeEvent[M any] struct {
	Instance M
	Kind     signals.ChangeKind
	_        answers
}

// M2MEvent is signals.M2MEvent.
type M2MEvent[M any] struct {
	Instance M
	Relation string
	Action   signals.M2MAction
	Reverse  bool
	PKs      []any
	_        answers
}

func (SaveEvent[M]) DB() *gorm.DB              { return nil }
func (SaveEvent[M]) Key() any                  { return nil }
func (SaveEvent[M]) Err() error                { return nil }
func (SaveEvent[M]) Raw() bool                 { return false }
func (SaveEvent[M]) Schema() *schema.Schema    { return nil }
func (SaveEvent[M]) Table() string             { return "" }
func (SaveEvent[M]) Original() (m M, _ error)  { return m, nil }
func (SaveEvent[M]) Changed(...string) bool    { return false }
func (SaveEvent[M]) Changes() []signals.Change { return nil }
func (SaveEvent[M]) UpdateFields() []string    { return nil }
func (SaveEvent[M]) Restored() bool            { return false }

func (DeleteEvent[M]) DB() *gorm.DB           { return nil }
func (DeleteEvent[M]) Key() any               { return nil }
func (DeleteEvent[M]) Err() error             { return nil }
func (DeleteEvent[M]) Raw() bool              { return false }
func (DeleteEvent[M]) Schema() *schema.Schema { return nil }
func (DeleteEvent[M]) Table() string          { return "" }

func (LoadEvent[M]) DB() *gorm.DB           { return nil }
func (LoadEvent[M]) Key() any               { return nil }
func (LoadEvent[M]) Raw() bool              { return false }
func (LoadEvent[M]) Schema() *schema.Schema { return nil }

func (ChangeEvent[M]) DB() *gorm.DB              { return nil }
func (ChangeEvent[M]) Key() any                  { return nil }
func (ChangeEvent[M]) Err() error                { return nil }
func (ChangeEvent[M]) Raw() bool                 { return false }
func (ChangeEvent[M]) Schema() *schema.Schema    { return nil }
func (ChangeEvent[M]) Table() string             { return "" }
func (ChangeEvent[M]) Cascade() bool             { return false }
func (ChangeEvent[M]) Original() (m M, _ error)  { return m, nil }
func (ChangeEvent[M]) Changed(...string) bool    { return false }
func (ChangeEvent[M]) Changes() []signals.Change { return nil }
func (ChangeEvent[M]) UpdateFields() []string    { return nil }

func (M2MEvent[M]) DB() *gorm.DB           { return nil }
func (M2MEvent[M]) Key() any               { return nil }
func (M2MEvent[M]) Err() error             { return nil }
func (M2MEvent[M]) Raw() bool              { return false }
func (M2MEvent[M]) Schema() *schema.Schema { return nil }

// Signal is signals.Signal.
type Signal[E any] struct{ _ byte }

func (*Signal[E]) Name() string { return "" }

func (*Signal[E]) Connect(signals.Receiver[E], ...signals.ConnectOption) (disconnect func() bool) {
	return nil
}

func (*Signal[E]) ConnectBatch(signals.BatchReceiver[E], ...signals.ConnectOption) (disconnect func() bool) {
	return nil
}

func (*Signal[E]) Disconnect(string) bool                               { return false }
func (*Signal[E]) HasReceivers() bool                                   { return false }
func (*Signal[E]) Receivers() []signals.ReceiverInfo                    { return nil }
func (*Signal[E]) Send(context.Context, E) error                        { return nil }
func (*Signal[E]) SendIn(*gorm.DB, E) error                             { return nil }
func (*Signal[E]) SendRobust(context.Context, E) []signals.Response     { return nil }
func (*Signal[E]) SendConcurrent(context.Context, E) []signals.Response { return nil }
func (*Signal[E]) Observe(signals.Observer)                             {}

// ModelSignals is signals.ModelSignals.
type ModelSignals[M any] struct {
	PreSave, PostSave     *Signal[SaveEvent[M]]
	PreDelete, PostDelete *Signal[DeleteEvent[M]]
	PostChange            *Signal[ChangeEvent[M]]
	M2MChanged            *Signal[M2MEvent[M]]
	PostLoad              *Signal[LoadEvent[M]]
}

// For is signals.For.
func For[M any](db *gorm.DB) *ModelSignals[*M] {
	return (*ModelSignals[*M])(nothing(db, (*M)(nil)))
}

//go:noinline
func nothing(*gorm.DB, any) unsafe.Pointer { return nil }
