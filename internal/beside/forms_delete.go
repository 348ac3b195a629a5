package beside

import (
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

var errUndo = errors.New("undo")

func (f forms[M]) deletes() []Step {
	return []Step{
		{Name: "Delete(&row)", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Delete(&m), m} }},
		{Name: "Delete(&loaded)", Do: func(db *gorm.DB, a Args) any {
			var m M
			if tx := db.Where("id = ?", a.ID).First(&m); tx.Error != nil {
				return tx
			}
			return []any{db.Delete(&m), m}
		}},
		{Name: "Delete(&M{}, id)", Do: func(db *gorm.DB, a Args) any { return db.Delete(new(M), "id = ?", a.ID) }},
		{Name: "Delete(&M{}, ids)", Do: func(db *gorm.DB, a Args) any { return db.Delete(new(M), "id in ?", []uint{a.ID, a.To, 5}) }},
		{Name: "Delete(&rows)", Do: func(db *gorm.DB, a Args) any {
			m := []M{f.make(a.ID, a), f.make(a.To, a), f.make(5, a)}
			return []any{db.Delete(&m), m}
		}},
		{Name: "Delete(rows of pointers)", Do: func(db *gorm.DB, a Args) any {
			x, y := f.make(a.ID, a), f.make(a.To, a)
			m := []*M{&x, &y}
			return []any{db.Delete(m), m}
		}},
		{Name: "Where.Delete", Do: func(db *gorm.DB, a Args) any { return db.Where("price > ?", a.Price).Delete(new(M)) }},
		{Name: "Where.Delete of many", Do: func(db *gorm.DB, a Args) any { return db.Where("name <> ?", a.Name).Or("id > ?", 2).Delete(new(M)) }},
		{Name: "Unscoped.Delete(&row)", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Unscoped().Delete(&m), m} }},
		{Name: "Unscoped.Where.Delete", Do: func(db *gorm.DB, a Args) any { return db.Unscoped().Where("id > ?", a.ID).Delete(new(M)) }},
		{Name: "global Delete", Do: func(db *gorm.DB, _ Args) any {
			return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(new(M))
		}},
		{Name: "Delete without a condition", Do: func(db *gorm.DB, _ Args) any { return db.Delete(new(M)) }},
		{Name: "Delete of no row", Do: func(db *gorm.DB, _ Args) any { return db.Where("name = ?", "nobody").Delete(new(M)) }},
		{Name: "Returning.Delete", Do: func(db *gorm.DB, a Args) any {
			var m []M
			return []any{db.Clauses(clause.Returning{}).Where("id > ?", a.ID).Delete(&m), m}
		}},
		{Name: "SkipHooks.Delete", silent: true, Do: func(db *gorm.DB, a Args) any {
			return db.Session(&gorm.Session{SkipHooks: true}).Where("id > ?", a.ID).Delete(new(M))
		}},
	}
}

// sessions are writes in transactions and sessions of other kinds.
func (f forms[M]) sessions() []Step {
	update := func(db *gorm.DB, a Args) *gorm.DB {
		return db.Model(new(M)).Where("id > ?", a.ID).Update("name", a.Name)
	}
	remove := func(db *gorm.DB, a Args) *gorm.DB { return db.Where("id <= ?", a.ID).Delete(new(M)) }
	return []Step{
		{Name: "Transaction(update, delete)", Do: func(db *gorm.DB, a Args) any {
			var parts []any
			err := db.Transaction(func(tx *gorm.DB) error {
				parts = append(parts, update(tx, a), remove(tx, a))
				return nil
			})
			return append(parts, err)
		}},
		{Name: "Transaction(update, undone(delete), create)", undone: true, Do: func(db *gorm.DB, a Args) any {
			var parts []any
			m := f.make(40, a)
			err := db.Transaction(func(tx *gorm.DB) error {
				parts = append(parts, update(tx, a))
				parts = append(parts, tx.Transaction(func(tx *gorm.DB) error { parts = append(parts, remove(tx, a)); return errUndo }))
				return tx.Create(&m).Error
			})
			return append(parts, err, m)
		}},
		{Name: "undone(update, delete)", undone: true, Do: func(db *gorm.DB, a Args) any {
			var parts []any
			err := db.Transaction(func(tx *gorm.DB) error {
				parts = append(parts, update(tx, a), remove(tx, a))
				return errUndo
			})
			return append(parts, err)
		}},
		{Name: "a failed create, and on", undone: true, Do: func(db *gorm.DB, a Args) any {
			var parts []any
			m, n := []M{f.make(41, a), f.make(1, a)}, f.make(42, a)
			err := db.Transaction(func(tx *gorm.DB) error {
				parts = append(parts, tx.SavePoint("here"), tx.Create(&m), tx.RollbackTo("here"), tx.Create(&n))
				return nil
			})
			return append(parts, err, m, n)
		}},
		{Name: "Begin, SavePoint, RollbackTo, Commit", undone: true, Do: func(db *gorm.DB, a Args) any {
			tx := db.Begin()
			parts := []any{update(tx, a), tx.SavePoint("a"), remove(tx, a), tx.RollbackTo("a"), tx.Delete(new(M), "id = ?", a.To)}
			return append(parts, tx.Commit().Error)
		}},
		{Name: "SkipDefaultTransaction.Update", Do: func(db *gorm.DB, a Args) any {
			return update(db.Session(&gorm.Session{SkipDefaultTransaction: true}), a)
		}},
		{Name: "PrepareStmt.Delete", Do: func(db *gorm.DB, a Args) any { return remove(db.Session(&gorm.Session{PrepareStmt: true}), a) }},
		{Name: "DryRun.Update", silent: true, Do: func(db *gorm.DB, a Args) any {
			return update(db.Session(&gorm.Session{DryRun: true}), a).Error
		}},
		{Name: "ToSQL of a delete", silent: true, Do: func(db *gorm.DB, a Args) any {
			return db.ToSQL(func(tx *gorm.DB) *gorm.DB { return remove(tx, a) })
		}},
	}
}

// relationSteps write owners together with rows of their relations.
func relationSteps() []Step {
	owner := func(id uint) *Owner { return &Owner{Base: Base{ID: id}} }
	full := func(id uint, a Args) *Owner {
		return &Owner{
			Base: Base{ID: id, Name: a.Name, Tenant: 1}, Chief: &Item{Base: Base{ID: a.ID, Name: "chief", Tenant: 1}},
			Children: []Child{{Base: Base{ID: 50, Name: "new", Tenant: 1}}, {Base: Base{ID: a.To, Name: "old", Tenant: 1}}},
			Tags:     []Tag{{Base{ID: 1, Name: "t", Tenant: 1}}, {Base{ID: 51, Name: "new", Tenant: 1}}},
		}
	}
	tags := func(ids ...uint) []Tag {
		rows := make([]Tag, len(ids))
		for i, id := range ids {
			rows[i] = Tag{Base{ID: id, Name: "t", Tenant: 1}}
		}
		return rows
	}
	steps := []Step{
		{Name: "Create with relations", Do: func(db *gorm.DB, a Args) any { m := full(60, a); return []any{db.Create(m), m} }},
		{Name: "Save with relations", Do: func(db *gorm.DB, a Args) any { m := full(a.ID, a); return []any{db.Save(m), m} }},
		{Name: "FullSaveAssociations.Updates", Do: func(db *gorm.DB, a Args) any {
			m := full(a.ID, a)
			return []any{db.Session(&gorm.Session{FullSaveAssociations: true}).Updates(m), m}
		}},
		{Name: "Omit(Associations).Save", Do: func(db *gorm.DB, a Args) any {
			m := full(a.ID, a)
			return []any{db.Omit(clause.Associations).Save(m), m}
		}},
		{Name: "Append(tags)", Do: func(db *gorm.DB, a Args) any {
			m := owner(a.ID)
			return []any{db.Model(m).Association("Tags").Append(tags(a.To, 52)), m}
		}},
		{Name: "Replace(tags)", Do: func(db *gorm.DB, a Args) any {
			m := owner(1)
			return []any{db.Model(m).Association("Tags").Replace(tags(2, a.ID)), m}
		}},
		{Name: "Delete(tags)", Do: func(db *gorm.DB, a Args) any {
			m := owner(1)
			return []any{db.Model(m).Association("Tags").Delete(tags(a.ID, 2)), m}
		}},
		{Name: "Clear(tags)", Do: func(db *gorm.DB, a Args) any {
			m := owner(a.ID)
			return []any{db.Model(m).Association("Tags").Clear(), m}
		}},
		{Name: "Append(children)", Do: func(db *gorm.DB, a Args) any {
			m := owner(a.ID)
			return []any{db.Model(m).Association("Children").Append(&Child{Base: Base{Name: a.Name, Tenant: 1}}), m}
		}},
		{Name: "Replace(children)", Do: func(db *gorm.DB, a Args) any {
			m := owner(a.ID)
			return []any{db.Model(m).Association("Children").Replace(&Child{Base: Base{ID: a.To, Name: a.Name, Tenant: 1}}), m}
		}},
		{Name: "Clear(children)", Do: func(db *gorm.DB, a Args) any {
			m := owner(a.ID)
			return []any{db.Model(m).Association("Children").Clear(), m}
		}},
		{Name: "Append(chief)", Do: func(db *gorm.DB, a Args) any {
			m := owner(a.ID)
			return []any{db.Model(m).Association("Chief").Append(&Item{Base: Base{Name: a.Name, Tenant: 1}}), m}
		}},
		{Name: "Select(Children, Tags).Delete", Do: func(db *gorm.DB, a Args) any {
			m := owner(a.ID)
			return []any{db.Select("Children", "Tags").Delete(m), m}
		}},
		{Name: "Select(Associations).Delete", Do: func(db *gorm.DB, a Args) any {
			m := owner(a.ID)
			return []any{db.Select(clause.Associations).Delete(m), m}
		}},
	}
	for i := range steps {
		steps[i].links = true
	}
	return steps
}
