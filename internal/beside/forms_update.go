package beside

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func (f forms[M]) updates() []Step {
	return []Step{
		{Name: "Model(&row).Update", Do: func(db *gorm.DB, a Args) any {
			m := f.make(a.ID, Args{})
			return []any{db.Model(&m).Update("name", a.Name), m}
		}},
		{Name: "Model(&loaded).Updates(map)", Do: func(db *gorm.DB, a Args) any {
			var m M
			if tx := db.Where("id = ?", a.ID).First(&m); tx.Error != nil {
				return tx
			}
			set := map[string]any{"name": a.Name, "price": a.Price}
			return []any{db.Model(&m).Updates(set), m, set}
		}},
		{Name: "Model(&stale).Update", Do: func(db *gorm.DB, a Args) any {
			var m M
			db.Where("id = ?", a.ID).First(&m)
			db.Model(new(M)).Where("id = ?", a.ID).Update("price", 1)
			return []any{db.Model(&m).Update("name", a.Name), m}
		}},
		{Name: "Model(&row).Updates(struct)", Do: func(db *gorm.DB, a Args) any {
			m, set := f.make(a.ID, Args{}), f.make(0, a)
			return []any{db.Model(&m).Updates(set), m, set}
		}},
		{Name: "Model(&row).Updates(&struct)", Do: func(db *gorm.DB, a Args) any {
			m, set := f.make(a.ID, Args{}), f.make(0, a)
			return []any{db.Model(&m).Updates(&set), m, set}
		}},
		{Name: "Updates(&row)", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Updates(&m), m} }},
		{Name: "Select(*).Updates(&row)", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Select("*").Updates(&m), m} }},
		{Name: "Model(&row).Update(expression)", Do: func(db *gorm.DB, a Args) any {
			m := f.make(a.ID, Args{})
			return []any{db.Model(&m).Update("price", gorm.Expr("price + ?", a.Price)), m}
		}},
		{Name: "Where.Update", Do: func(db *gorm.DB, a Args) any {
			return db.Model(new(M)).Where("price > ?", a.Price).Update("name", a.Name)
		}},
		{Name: "Where(name).Update", Do: func(db *gorm.DB, a Args) any {
			return db.Model(new(M)).Where("name <> ?", a.Name).Where("name <> ? OR name IS NULL", "zz").Update("name", a.Name)
		}},
		{Name: "Where.Updates(map)", Do: func(db *gorm.DB, a Args) any {
			set := map[string]any{"Name": a.Name, "price": gorm.Expr("price * 2")}
			return []any{db.Model(new(M)).Where("id <= ?", a.To).Updates(set), set}
		}},
		{Name: "Where.Updates(struct)", Do: func(db *gorm.DB, a Args) any {
			set := f.make(0, a)
			return []any{db.Model(new(M)).Where("id >= ?", a.ID).Updates(set), set}
		}},
		{Name: "Where.Updates(&struct) without a model", Do: func(db *gorm.DB, a Args) any {
			set := f.make(0, a)
			return []any{db.Where("id in ?", []uint{a.ID, a.To}).Updates(&set), set}
		}},
		{Name: "Where.Update of a unique column", Do: func(db *gorm.DB, a Args) any {
			return db.Model(new(M)).Where("id > ?", a.ID).Update("slot", a.To)
		}},
		{Name: "global Update", Do: func(db *gorm.DB, a Args) any {
			return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(new(M)).Update("price", gorm.Expr("price + 1"))
		}},
		{Name: "Update without a condition", Do: func(db *gorm.DB, a Args) any { return db.Model(new(M)).Update("name", a.Name) }},
		{Name: "Update of no row", Do: func(db *gorm.DB, a Args) any {
			return db.Model(new(M)).Where("name = ?", "nobody").Update("name", a.Name)
		}},
		{Name: "Update of the same value", Do: func(db *gorm.DB, a Args) any {
			return db.Model(new(M)).Where("id < ?", a.ID).Update("price", gorm.Expr("price"))
		}},
	}
}

func (f forms[M]) updatesMore() []Step {
	return []Step{
		{Name: "Select.Updates(struct)", Do: func(db *gorm.DB, a Args) any {
			set := f.make(0, Args{ID: a.ID, Name: a.Name})
			return db.Model(new(M)).Where("id <> ?", a.ID).Select("Name", "Price").Updates(set)
		}},
		{Name: "Omit.Updates(map)", Do: func(db *gorm.DB, a Args) any {
			return db.Model(new(M)).Where("id <> ?", a.ID).Omit("Price").Updates(map[string]any{"name": a.Name, "price": a.Price})
		}},
		{Name: "Select(Name).Updates(map)", Do: func(db *gorm.DB, a Args) any {
			m := f.make(a.ID, Args{})
			return []any{db.Model(&m).Select("Name").Updates(map[string]any{"name": a.Name, "price": a.Price}), m}
		}},
		{Name: "Model(&rows).Update", Do: func(db *gorm.DB, a Args) any {
			m := []M{f.make(a.ID, Args{}), f.make(a.To, Args{})}
			return []any{db.Model(&m).Update("name", a.Name), m}
		}},
		{Name: "Returning.Update of rows", Do: func(db *gorm.DB, a Args) any {
			var m []M
			return []any{db.Model(&m).Clauses(clause.Returning{}).Where("id > ?", a.ID).Update("name", a.Name), m}
		}},
		{Name: "Returning(column).Update of a row", Do: func(db *gorm.DB, a Args) any {
			m := f.make(a.ID, Args{})
			return []any{db.Model(&m).Clauses(clause.Returning{Columns: []clause.Column{{Name: "price"}}}).Update("name", a.Name), m}
		}},
		{Name: "Update with a subquery", Do: func(db *gorm.DB, a Args) any {
			high := db.Session(&gorm.Session{NewDB: true}).Table("audits").Select("id").Where("id > ?", a.ID)
			return db.Model(new(M)).Where("id NOT IN (?)", high).Update("name", a.Name)
		}},
		{Name: "Update in a scope", Do: func(db *gorm.DB, a Args) any {
			return db.Model(new(M)).Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where("tenant = ?", 1) }).Update("name", a.Name)
		}},
		{Name: "Unscoped.Update", Do: func(db *gorm.DB, a Args) any {
			return db.Unscoped().Model(new(M)).Where("id > ?", 1).Update("name", a.Name)
		}},
		{Name: "UpdateColumn", silent: true, Do: func(db *gorm.DB, a Args) any {
			m := f.make(a.ID, Args{})
			return []any{db.Model(&m).UpdateColumn("name", a.Name), m}
		}},
		{Name: "Where.UpdateColumns", silent: true, Do: func(db *gorm.DB, a Args) any {
			return db.Model(new(M)).Where("id > ?", a.ID).UpdateColumns(map[string]any{"name": a.Name})
		}},
		{Name: "SkipHooks.Update", silent: true, Do: func(db *gorm.DB, a Args) any {
			return db.Session(&gorm.Session{SkipHooks: true}).Model(new(M)).Where("id > ?", a.ID).Update("name", a.Name)
		}},
	}
}

func (f forms[M]) generics() []Step {
	return []Step{
		{Name: "G.Create", Do: func(db *gorm.DB, a Args) any {
			m := f.make(0, a)
			return []any{gorm.G[M](db).Create(contextOf(db), &m), m}
		}},
		{Name: "G.CreateInBatches", Do: func(db *gorm.DB, a Args) any {
			m := f.three(a)
			return []any{gorm.G[M](db).CreateInBatches(contextOf(db), &m, 2), m}
		}},
		{Name: "G.Where.Update", Do: func(db *gorm.DB, a Args) any {
			n, err := gorm.G[M](db).Where("id > ?", a.ID).Update(contextOf(db), "name", a.Name)
			return []any{n, err}
		}},
		{Name: "G.Where.Updates", Do: func(db *gorm.DB, a Args) any {
			n, err := gorm.G[M](db).Where("id = ?", a.ID).Updates(contextOf(db), f.make(0, a))
			return []any{n, err}
		}},
		{Name: "G.Set.Update", Do: func(db *gorm.DB, a Args) any {
			n, err := gorm.G[M](db).Where("id <> ?", a.ID).Set(clause.Assignment{Column: clause.Column{Name: "name"}, Value: a.Name}).Update(contextOf(db))
			return []any{n, err}
		}},
		{Name: "G.Delete", Do: func(db *gorm.DB, a Args) any {
			n, err := gorm.G[M](db).Where("id > ?", a.ID).Delete(contextOf(db))
			return []any{n, err}
		}},
	}
}

func contextOf(db *gorm.DB) context.Context { return db.Statement.Context }
