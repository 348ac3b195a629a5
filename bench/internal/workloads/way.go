package workloads

import (
	"errors"

	"github.com/gorm-signals/signals/bench/internal/statements"
)

// Way is one way of doing a workload.
type Way struct {
	Name    string
	Prepare func(e *Env) (Work, error) // called once, with a database of its own
}

// Work is the part of a way that is measured.
type Work struct {
	Before func() error // runs before each Run and is not measured; nil means nothing
	Run    func() error
}

// Do opens a database, does the work once and returns the state after it.
func (w Way) Do(on Backend) (s State, err error) {
	e, err := Open(on)
	if err != nil {
		return State{}, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	work, err := w.Prepare(e)
	if err == nil {
		err = work.begin()
	}
	if err == nil {
		err = work.Run()
	}
	if err != nil {
		return State{}, err
	}
	return e.State()
}

// Statements does the work twice on SQLite, and returns how many statements the second run takes: the first run has queries that the library makes
// once in a program. Statements that begin and end transactions and savepoints do not count.
func (w Way) Statements(on Backend) (n int, err error) {
	e, err := openWith(on, func(query string) {
		if !statements.OfTransaction(query) {
			n++
		}
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	work, err := w.Prepare(e)
	if err != nil {
		return 0, err
	}
	for range 2 {
		if err := work.begin(); err != nil {
			return 0, err
		}
		n = 0
		if err := work.Run(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (w Work) begin() error {
	if w.Before == nil {
		return nil
	}
	return w.Before()
}
