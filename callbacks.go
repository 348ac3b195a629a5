package signals

import (
	"fmt"

	"gorm.io/gorm"
)

// step is one of our functions and its place among GORM's callbacks. It runs right before the first callback in before that is registered: a program
// may have removed some. If none is, it runs last. The last name in before is the main callback, if the step must run before that.
type step struct {
	name   string
	run    func(*gorm.DB)
	before []string
}

// steps are our steps around one kind of statement, in the order in which they run.
type steps struct {
	main string // name of GORM's callback that runs the statement
	list []step
}

// The table of callbacks. Nothing else knows GORM's names for them.

const (
	createName = "gorm:create"
	updateName = "gorm:update"
	deleteName = "gorm:delete"
	commitName = "gorm:commit_or_rollback_transaction"
)

func (in *installed) createSteps() steps {
	return steps{createName, []step{
		{"signals:track", in.transactions.Track, []string{"gorm:begin_transaction", "gorm:before_create", "gorm:save_before_associations", createName}},
		{"signals:pre_create", in.engine.PreCreate, []string{"gorm:save_before_associations", createName}},
		{"signals:enter_race", in.engine.Build, []string{createName}},
		{"signals:leave_race", in.engine.WroteRows, []string{"gorm:save_after_associations", "gorm:after_create", commitName}},
		{"signals:post_create", in.engine.AfterInsert, []string{commitName}},
	}}
}

func (in *installed) updateSteps() steps {
	return steps{updateName, []step{
		{"signals:track", in.transactions.Track, []string{
			"gorm:begin_transaction", "gorm:setup_reflect_value", "gorm:before_update", "gorm:save_before_associations", updateName,
		}},
		{"signals:pre_update", in.engine.PreUpdate, []string{"gorm:save_before_associations", updateName}},
		{"signals:prepare_update", in.engine.Build, []string{updateName}},
		{"signals:written", in.engine.Wrote, []string{"gorm:save_after_associations", "gorm:after_update", commitName}},
		{"signals:save_links", in.engine.SaveLinks, []string{"gorm:save_after_associations", "gorm:after_update", commitName}},
		{"signals:post_update", in.engine.AfterUpdate, []string{commitName}},
	}}
}

func (in *installed) deleteSteps() steps {
	return steps{deleteName, []step{
		{"signals:track", in.transactions.Track, []string{"gorm:begin_transaction", "gorm:before_delete", "gorm:delete_before_associations", deleteName}},
		{"signals:pre_delete", in.engine.PreDelete, []string{"gorm:delete_before_associations", deleteName}},
		{"signals:cascade", in.engine.Build, []string{deleteName}},
		{"signals:deleted", in.engine.Wrote, []string{"gorm:after_delete", commitName}},
		{"signals:post_delete", in.engine.AfterDelete, []string{commitName}},
	}}
}

func (in *installed) querySteps() steps {
	return steps{"", []step{
		{"signals:sends", in.transactions.Sends, []string{"gorm:query"}},
		{"signals:ran", in.transactions.Ran, []string{"gorm:preload", "gorm:after_query"}},
		{"signals:post_load", in.engine.PostLoad, nil},
	}}
}

func (in *installed) rowSteps() steps {
	return steps{"", []step{{"signals:sends", in.transactions.Sends, []string{"gorm:row"}}, {"signals:ran", in.transactions.Ran, nil}}}
}

func (in *installed) rawSteps() steps {
	return steps{"", []step{{"signals:sends", in.transactions.Sends, []string{"gorm:raw"}}, {"signals:ran", in.transactions.Ran, nil}}}
}

// register adds the steps that db's callbacks lack. A database can have several sets of callbacks: dbresolver opens one per connection pool and
// initializes every plugin again.
func (in *installed) register(db *gorm.DB) error {
	all := db.Callback()
	processors := listOf(all.Create(), all.Update(), all.Delete(), all.Query(), all.Row(), all.Raw())
	for i, set := range []steps{in.createSteps(), in.updateSteps(), in.deleteSteps(), in.querySteps(), in.rowSteps(), in.rawSteps()} {
		p := processors[i]
		if set.main != "" && p.Get(set.main) == nil {
			return fmt.Errorf("signals: the program has removed GORM's callback %s, so no signals can be sent around it: "+
				"replace the callback instead, or register one with this name before db.Use", set.main)
		}
		places := &placing{processor: p, get: p.Get, steps: set}
		for _, s := range set.list {
			if p.Get(s.name) != nil {
				continue
			}
			var bound func(name string)
			callback := p.Match(func(db *gorm.DB) bool {
				places.watch(db)
				bound(places.boundOf(s))
				return true
			})
			bound = func(name string) { callback.Before(name) }
			if err := callback.Register(s.name, places.guard(s.run)); err != nil {
				return fmt.Errorf("signals: GORM refused the callback %s: %w", s.name, err)
			}
		}
	}
	return nil
}

// listOf makes a list of values whose type GORM does not export.
func listOf[T any](values ...T) []T { return values }
