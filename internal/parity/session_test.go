package parity_test

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func hookSteps() []parityStep {
	return []parityStep{
		{name: "hooks of create", do: func(db *gorm.DB) any { return db.Create(&parityHooked{Name: "n"}) }},
		{name: "hooks of create several", do: func(db *gorm.DB) any {
			return db.Create(&[]parityHooked{{Name: "n"}, {Name: "m"}})
		}},
		{name: "hooks of create, one sets a column", do: func(db *gorm.DB) any {
			return db.Create(&parityHooked{Name: "counted"})
		}},
		{name: "hooks of create, veto", do: func(db *gorm.DB) any { return db.Create(&parityHooked{Name: "veto"}) }},
		{name: "hooks of create, veto after", undone: true, torn: true, do: func(db *gorm.DB) any {
			return db.Session(&gorm.Session{}).Create(&parityHooked{Name: "veto AfterCreate"})
		}},
		{name: "hooks of save", do: func(db *gorm.DB) any { return db.Save(&parityHooked{ID: 1, Name: "n"}) }},
		{name: "hooks of save, one sets a column", do: func(db *gorm.DB) any {
			return db.Save(&parityHooked{ID: 1, Name: "counted", Times: 4})
		}},
		{name: "hooks of save, not stored", do: func(db *gorm.DB) any { return db.Save(&parityHooked{ID: 40, Name: "n"}) }},
		{name: "hooks of save of a slice", partial: true, do: func(db *gorm.DB) any {
			return db.Save(&[]parityHooked{{ID: 1, Name: "n"}, {ID: 41, Name: "m"}})
		}},
		{name: "hooks of update", do: func(db *gorm.DB) any {
			return db.Model(&parityHooked{ID: 1, Name: "h1"}).Update("name", "n")
		}},
		{name: "hooks of update, unchanged", do: func(db *gorm.DB) any {
			return db.Model(&parityHooked{ID: 1, Name: "h1"}).Update("name", "h1")
		}},
		{name: "hooks of update from a struct", do: func(db *gorm.DB) any {
			return db.Model(&parityHooked{ID: 1}).Updates(parityHooked{Name: "n"})
		}},
		{name: "hooks of update where", do: func(db *gorm.DB) any {
			return db.Model(&parityHooked{}).Where("id > 0").Update("name", "n")
		}},
		{name: "hooks of update, veto", do: func(db *gorm.DB) any {
			return db.Model(&parityHooked{ID: 1, Name: "veto"}).Update("name", "n")
		}},
		{name: "hooks of update, veto after", undone: true, torn: true, do: func(db *gorm.DB) any {
			return db.Model(&parityHooked{ID: 1, Name: "veto AfterUpdate"}).Update("times", "9")
		}},
		{name: "hooks of update several instances", do: func(db *gorm.DB) any {
			return db.Model(&[]parityHooked{{ID: 1}, {ID: 2}}).Update("name", "n")
		}},
		{name: "hooks of update, model by value", undone: true, do: func(db *gorm.DB) any {
			return db.Model(parityHooked{}).Where("id > 0").Update("name", "n")
		}},
		{name: "hooks of delete", do: func(db *gorm.DB) any { return db.Delete(&parityHooked{ID: 1}) }},
		{name: "hooks of delete where", do: func(db *gorm.DB) any { return db.Where("id > 1").Delete(&parityHooked{}) }},
		{name: "hooks of delete, by value", do: func(db *gorm.DB) any { return db.Delete(parityHooked{ID: 1}) }},
		{name: "hooks of delete several", do: func(db *gorm.DB) any { return db.Delete(&[]parityHooked{{ID: 1}, {ID: 2}}) }},
		{name: "hooks of delete, veto", do: func(db *gorm.DB) any { return db.Delete(&parityHooked{ID: 1, Name: "veto"}) }},
		{name: "hooks of delete, veto after", undone: true, torn: true, do: func(db *gorm.DB) any {
			return db.Delete(&parityHooked{ID: 1, Name: "veto AfterDelete"})
		}},
	}
}

func silentSteps() []parityStep {
	skip := func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{SkipHooks: true}) }
	dry := func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{DryRun: true}) }
	item := func() *parityItem { return &parityItem{ID: 1, Name: "n"} }
	const items = "parity_items"
	return []parityStep{
		{name: "update column", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return db.Model(item()).UpdateColumn("price", 1)
		}},
		{name: "update columns", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price > 20").UpdateColumns(parityItem{Name: "n"})
		}},
		{name: "skip hooks, create", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return skip(db).Create(&parityItem{Name: "n"})
		}},
		{name: "skip hooks, save", silent: true, quiet: items, do: func(db *gorm.DB) any { return skip(db).Save(item()) }},
		{name: "skip hooks, save, not stored", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return skip(db).Save(&parityItem{ID: 90})
		}},
		{name: "skip hooks, update", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return skip(db).Model(item()).Update("price", 1)
		}},
		{name: "skip hooks, delete", silent: true, quiet: items, do: func(db *gorm.DB) any { return skip(db).Delete(item()) }},
		{name: "dry run, create", silent: true, do: func(db *gorm.DB) any { return dry(db).Create(&parityItem{Name: "n"}) }},
		{name: "dry run, save", silent: true, do: func(db *gorm.DB) any { return dry(db).Save(item()) }},
		{name: "dry run, update", silent: true, do: func(db *gorm.DB) any {
			tx := dry(db).Model(&parityItem{}).Where("price > 1").Update("name", "n")
			return all(tx, tx.Statement.SQL.String(), tx.Statement.Vars)
		}},
		{name: "dry run, delete", silent: true, do: func(db *gorm.DB) any {
			tx := dry(db).Where("price > 1").Delete(&parityItem{})
			return all(tx, tx.Statement.SQL.String(), tx.Statement.Vars)
		}},
		{name: "dry run, soft delete", silent: true, do: func(db *gorm.DB) any {
			tx := dry(db).Where("views > 1").Delete(&parityPage{})
			return all(tx, tx.Statement.SQL.String(), tx.Statement.Vars)
		}},
	}
}

func silentMoreSteps() []parityStep {
	item := func() *parityItem { return &parityItem{ID: 1, Name: "n"} }
	const items = "parity_items"
	return []parityStep{
		{name: "to SQL", silent: true, do: func(db *gorm.DB) any {
			return db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Model(item()).Update("price", 1) })
		}},
		{name: "exec", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return db.Exec("UPDATE parity_items SET name = ?", "n")
		}},
		{name: "exec with a model", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return db.Model(item()).Exec("DELETE FROM parity_items WHERE id = 1")
		}},
		{name: "raw returning", silent: true, quiet: items, do: func(db *gorm.DB) any {
			var found []parityItem
			return all(db.Raw("UPDATE parity_items SET name = 'n' RETURNING *").Scan(&found), found)
		}},
		{name: "table, update", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return db.Table(items).Where("id IN ?", []int{1, 2}).Updates(map[string]any{"name": "n"})
		}},
		{name: "table, delete", silent: true, quiet: items, do: func(db *gorm.DB) any {
			return db.Table(items).Where("id = 1").Delete(nil)
		}},
		{name: "table, updates of a struct", do: func(db *gorm.DB) any {
			return db.Table(items).Where("id = 1").Updates(parityItem{Name: "n"})
		}},
		{name: "queries", silent: true, do: func(db *gorm.DB) any {
			var found []parityItem
			var n int64
			return all(db.Find(&found), db.Model(&parityItem{}).Count(&n), n, db.First(&parityPage{}, 4), db.Find(&[3]parityItem{}))
		}},
	}
}

func transactionSteps() []parityStep {
	errNo := errors.New("no")
	change := func(tx *gorm.DB, id uint, name string) error {
		return tx.Model(&parityItem{ID: id}).Update("name", name).Error
	}
	return []parityStep{
		{name: "transaction", do: func(db *gorm.DB) any {
			return db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(change(tx, 1, "x"), tx.Create(&parityItem{Name: "y"}).Error, tx.Delete(&parityItem{}, "price > 30").Error)
			})
		}},
		{name: "transaction that fails", undone: true, do: func(db *gorm.DB) any {
			return db.Transaction(func(tx *gorm.DB) error { return errors.Join(change(tx, 1, "x"), errNo) })
		}},
		{name: "nested transaction", do: func(db *gorm.DB) any {
			return db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(change(tx, 1, "x"), tx.Transaction(func(tx2 *gorm.DB) error { return change(tx2, 2, "y") }))
			})
		}},
		{name: "nested transaction that fails", undone: true, do: func(db *gorm.DB) any {
			return db.Transaction(func(tx *gorm.DB) error {
				inner := tx.Transaction(func(tx2 *gorm.DB) error { return errors.Join(change(tx2, 2, "y"), errNo) })
				return errors.Join(change(tx, 1, "x"), errors.Unwrap(inner))
			})
		}},
		{name: "savepoints", undone: true, do: func(db *gorm.DB) any {
			tx := db.Begin()
			results := []any{change(tx, 1, "x"), tx.SavePoint("sp"), change(tx, 2, "y"), tx.RollbackTo("sp"), change(tx, 3, "z")}
			return append(results, tx.Commit())
		}},
		{name: "begin and roll back", undone: true, do: func(db *gorm.DB) any {
			tx := db.Begin()
			return all(change(tx, 1, "x"), tx.Rollback())
		}},
		{name: "go on after an error in a transaction", undone: true, do: func(db *gorm.DB) any {
			return db.Transaction(func(tx *gorm.DB) error {
				failed := tx.Model(&parityItem{ID: 1}).Update("code", "c2").Error
				return errors.Join(change(tx, 2, "y"), tx.Where("price > 40").Delete(&parityItem{}).Error, errors.Unwrap(failed))
			})
		}},
		{name: "connection", do: func(db *gorm.DB) any {
			return db.Connection(func(tx *gorm.DB) error { return change(tx, 1, "x") })
		}},
		{name: "a cancelled context", undone: true, do: func(db *gorm.DB) any {
			ctx, cancel := context.WithCancel(db.Statement.Context)
			cancel()
			tx := db.WithContext(ctx)
			return all(tx.Create(&parityItem{Name: "n"}).Error, tx.Model(&parityItem{ID: 1}).Update("name", "n").Error,
				tx.Save(&parityItem{ID: 1}).Error, tx.Delete(&parityItem{ID: 1}), tx.Where("price > 1").Delete(&parityItem{}))
		}},
		{name: "upsert in a transaction", partial: true, do: func(db *gorm.DB) any {
			return db.Transaction(func(tx *gorm.DB) error {
				return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]parityWord{{"one", 5}, {"new", 1}}).Error
			})
		}},
	}
}
