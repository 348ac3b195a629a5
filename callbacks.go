package signals

import (
	"fmt"

	"gorm.io/gorm"
)

// step is one of our functions and its place among GORM's callbacks. Both bounds are given: with one alone, GORM may
// put it outside the implicit transaction.
type step struct {
	name, after, before string
	run                 func(*gorm.DB)
}

// The table of callbacks. Nothing else knows GORM's names for them.

func (r *registry) createSteps() []step {
	return []step{
		{"signals:track", "gorm:db_resolver", "gorm:begin_transaction", r.track},
		{"signals:pre_create", "gorm:before_create", "gorm:save_before_associations", r.preCreate},
		{"signals:enter_race", "gorm:save_before_associations", "gorm:create", r.enterRace},
		{"signals:leave_race", "gorm:create", "gorm:save_after_associations", r.leaveRace},
		{"signals:post_create", "gorm:after_create", "gorm:commit_or_rollback_transaction", r.postCreate},
	}
}

func (r *registry) updateSteps() []step {
	return []step{
		{"signals:track", "gorm:db_resolver", "gorm:begin_transaction", r.track},
		{"signals:pre_update", "gorm:before_update", "gorm:save_before_associations", r.preUpdate},
		{"signals:assign", "gorm:save_before_associations", "gorm:update", r.assign},
		{"signals:save_links", "gorm:update", "gorm:save_after_associations", r.saveLinks},
		{"signals:post_update", "gorm:after_update", "gorm:commit_or_rollback_transaction", r.postUpdate},
	}
}

func (r *registry) deleteSteps() []step {
	return []step{
		{"signals:track", "gorm:db_resolver", "gorm:begin_transaction", r.track},
		{"signals:pre_delete", "gorm:before_delete", "gorm:delete_before_associations", r.preDelete},
		{"signals:cascade", "gorm:delete_before_associations", "gorm:delete", r.cascadeSelected},
		{"signals:post_delete", "gorm:after_delete", "gorm:commit_or_rollback_transaction", r.postDelete},
	}
}

func (r *registry) querySteps() []step {
	return []step{
		{"signals:sends", "", "gorm:query", r.sends},
		{"signals:ran", "gorm:query", "gorm:preload", r.ran},
		{"signals:post_load", "gorm:after_query", "", r.postLoad},
	}
}

func (r *registry) rowSteps() []step {
	return []step{
		{"signals:sends", "", "gorm:row", r.sends},
		{"signals:ran", "gorm:row", "", r.ran},
	}
}

func (r *registry) rawSteps() []step {
	return []step{
		{"signals:sends", "", "gorm:raw", r.sends},
		{"signals:ran", "gorm:raw", "", r.ran},
	}
}

// register adds the steps that db's callbacks lack. A database can have several sets of them: dbresolver opens one per
// connection pool and initializes every plugin again.
func (r *registry) register(db *gorm.DB) error {
	create, update := db.Callback().Create(), db.Callback().Update()
	remove, query := db.Callback().Delete(), db.Callback().Query()
	raw, row := db.Callback().Raw(), db.Callback().Row()
	for _, set := range []struct {
		steps []step
		get   func(name string) func(*gorm.DB)
		add   func(step) error
	}{
		{r.createSteps(), create.Get, func(s step) error { return create.After(s.after).Before(s.before).Register(s.name, s.run) }},
		{r.updateSteps(), update.Get, func(s step) error { return update.After(s.after).Before(s.before).Register(s.name, s.run) }},
		{r.deleteSteps(), remove.Get, func(s step) error { return remove.After(s.after).Before(s.before).Register(s.name, s.run) }},
		{r.rawSteps(), raw.Get, func(s step) error { return raw.After(s.after).Before(s.before).Register(s.name, s.run) }},
		{r.rowSteps(), row.Get, func(s step) error { return row.After(s.after).Before(s.before).Register(s.name, s.run) }},
		{r.querySteps(), query.Get, func(s step) error { return query.After(s.after).Before(s.before).Register(s.name, s.run) }},
	} {
		for _, s := range set.steps {
			if set.get(s.name) != nil {
				continue
			}
			if err := set.add(s); err != nil {
				return fmt.Errorf("signals: GORM refused the callback %s: %w", s.name, err)
			}
		}
	}
	return nil
}
