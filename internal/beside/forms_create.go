package beside

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Step is one call of a script, or a few. The result of Do is compared: a *gorm.DB as its caller sees it, any other value as a whole.
type Step struct {
	Name string
	Do   func(db *gorm.DB, a Args) any

	silent bool // sends nothing, as UpdateColumn does
	undone bool // rolls back a part of what it wrote
	loose  bool // omits columns, so the caller's struct of a create differs from the stored row
	partly bool // upserts some columns of the caller's struct
	blind  bool // GORM does not know the keys of the rows
	links  bool // writes relations: it saves rows again unchanged, and has-many rows without signals
}

// forms makes the steps of one model.
type forms[M any] struct {
	make func(id uint, a Args) M
	base func(m *M) *Base
}

func (f forms[M]) steps() []Step {
	var all []Step
	for _, part := range [][]Step{f.creates(), f.upserts(), f.saves(), f.updates(), f.updatesMore(), f.generics(), f.deletes(), f.sessions()} {
		all = append(all, part...)
	}
	return all
}

// three returns rows with new keys.
func (f forms[M]) three(a Args) []M {
	return []M{f.make(11, a), f.make(12, Args{ID: a.ID + 1, Name: "y", Price: 2}), f.make(13, Args{ID: a.ID, Name: keptName, Price: 3})}
}

// row returns columns and values of a new row.
func (f forms[M]) row(a Args) map[string]any {
	m := f.make(0, a)
	b := f.base(&m)
	return map[string]any{"Name": b.Name, "Tenant": b.Tenant, "By": b.By, "Price": b.Price}
}

func (f forms[M]) creates() []Step {
	return []Step{
		{Name: "Create(&row)", Do: func(db *gorm.DB, a Args) any { m := f.make(0, a); return []any{db.Create(&m), m} }},
		{Name: "Create(&row) with a key", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID+a.To, a); return []any{db.Create(&m), m} }},
		{Name: "Create(&[]row)", Do: func(db *gorm.DB, a Args) any { m := f.three(a); return []any{db.Create(&m), m} }},
		{Name: "Create([]*row)", Do: func(db *gorm.DB, a Args) any {
			x, y := f.make(11, a), f.make(12, Args{ID: a.To, Name: "y"})
			m := []*M{&x, &y}
			return []any{db.Create(m), m}
		}},
		{Name: "Create(&[]row) without keys", Do: func(db *gorm.DB, a Args) any {
			m := []M{f.make(0, a), f.make(0, Args{ID: a.To, Name: "y"})}
			return []any{db.Create(&m), m}
		}},
		{Name: "Model(&M{}).Create(map)", blind: true, Do: func(db *gorm.DB, a Args) any { m := f.row(a); return []any{db.Model(new(M)).Create(m), m} }},
		{Name: "Model(&M{}).Create([]map)", blind: true, Do: func(db *gorm.DB, a Args) any {
			m := []map[string]any{f.row(a), f.row(Args{ID: a.To, Name: "y"})}
			return []any{db.Model(new(M)).Create(m), m}
		}},
		{Name: "CreateInBatches", Do: func(db *gorm.DB, a Args) any { m := f.three(a); return []any{db.CreateInBatches(&m, 2), m} }},
		{Name: "Omit.Create", loose: true, Do: func(db *gorm.DB, a Args) any { m := f.make(11, a); return []any{db.Omit("Price").Create(&m), m} }},
		{Name: "Select.Create", loose: true, Do: func(db *gorm.DB, a Args) any {
			m := f.make(11, a)
			return []any{db.Select("Room", "ID", "Name", "Tenant").Create(&m), m}
		}},
		{Name: "Returning.Create", Do: func(db *gorm.DB, a Args) any {
			m := f.make(11, a)
			return []any{db.Clauses(clause.Returning{}).Create(&m), m}
		}},
		{Name: "FirstOrCreate, new", Do: func(db *gorm.DB, a Args) any {
			m := f.make(11, a)
			return []any{db.Where("name = ?", "nobody").Attrs(map[string]any{"price": a.Price}).FirstOrCreate(&m), m}
		}},
		{Name: "FirstOrCreate with Assign, found", Do: func(db *gorm.DB, a Args) any {
			var m M
			return []any{db.Where("id = ?", a.ID).Assign(map[string]any{"name": a.Name}).FirstOrCreate(&m), m}
		}},
		{Name: "FirstOrCreate with Attrs, found", Do: func(db *gorm.DB, a Args) any {
			var m M
			return []any{db.Where("id = ?", a.ID).Attrs(map[string]any{"name": a.Name}).FirstOrCreate(&m), m}
		}},
	}
}

// upsert makes a step that inserts a stored row, a new one, and one with a duplicate value.
func (f forms[M]) upsert(name string, conflict clause.OnConflict) []Step {
	one := func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Clauses(conflict).Create(&m), m} }
	list := func(db *gorm.DB, a Args) any {
		m := []M{f.make(a.ID, a), f.make(21, Args{ID: a.To, Name: "y", Price: 4}), f.make(5, Args{ID: 5, Name: "z", Price: 6})}
		return []any{db.Clauses(conflict).Create(&m), m}
	}
	return []Step{{Name: name + ".Create(&row)", Do: one}, {Name: name + ".Create(&[]row)", Do: list}}
}

func (f forms[M]) upserts() []Step {
	steps := f.upsert("OnConflict{DoNothing}", clause.OnConflict{DoNothing: true})
	steps = append(steps, f.upsert("OnConflict{UpdateAll}", clause.OnConflict{UpdateAll: true})...)
	steps = append(steps, Step{Name: "OnConflict{DoUpdates: columns}", partly: true, Do: func(db *gorm.DB, a Args) any {
		m := []M{f.make(a.ID, a), f.make(22, Args{ID: a.To, Name: "y", Price: 4})}
		return []any{db.Clauses(clause.OnConflict{Columns: keyColumns(db, new(M)), DoUpdates: clause.AssignmentColumns([]string{"name", "price"})}).Create(&m), m}
	}})
	steps = append(steps, Step{Name: "OnConflict{DoUpdates: values}", Do: func(db *gorm.DB, a Args) any {
		m := []M{f.make(a.ID, a), f.make(23, Args{ID: a.To, Name: "y", Price: 4})}
		set := clause.Assignments(map[string]any{"price": a.To, "name": "up"})
		return []any{db.Clauses(clause.OnConflict{Columns: keyColumns(db, new(M)), DoUpdates: set}).Create(&m), m}
	}})
	return append(steps, Step{Name: "DoNothing on a unique column", Do: func(db *gorm.DB, a Args) any {
		m := []M{f.make(24, a), f.make(25, a), f.make(26, a)}
		f.base(&m[1]).Slot, f.base(&m[2]).Slot = new(1), new(9)
		return []any{db.Clauses(clause.OnConflict{DoNothing: true}).Create(&m), m}
	}})
}

// keyColumns are the columns of the conflict clause in upserts of a model.
func keyColumns(db *gorm.DB, model any) []clause.Column {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err != nil {
		return nil
	}
	columns := make([]clause.Column, len(stmt.Schema.PrimaryFieldDBNames))
	for i, name := range stmt.Schema.PrimaryFieldDBNames {
		columns[i] = clause.Column{Name: name}
	}
	return columns
}

func (f forms[M]) saves() []Step {
	return []Step{
		{Name: "Save(&row)", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Save(&m), m} }},
		{Name: "Save(&loaded)", Do: func(db *gorm.DB, a Args) any {
			var m M
			if tx := db.Where("id = ?", a.ID).First(&m); tx.Error != nil {
				return tx
			}
			f.base(&m).Name, f.base(&m).Price = a.Name, a.Price
			return []any{db.Save(&m), m}
		}},
		{Name: "Save(&stale)", Do: func(db *gorm.DB, a Args) any {
			var m M
			db.Where("id = ?", a.ID).First(&m)
			db.Model(new(M)).Where("id = ?", a.ID).Update("price", 1)
			f.base(&m).Name = a.Name
			return []any{db.Save(&m), m}
		}},
		{Name: "Save(&row) with a new key", Do: func(db *gorm.DB, a Args) any { m := f.make(30, a); return []any{db.Save(&m), m} }},
		{Name: "Save(&row) without a key", Do: func(db *gorm.DB, a Args) any { m := f.make(0, a); return []any{db.Save(&m), m} }},
		{Name: "Save(&[]row)", Do: func(db *gorm.DB, a Args) any {
			m := []M{f.make(a.ID, a), f.make(31, Args{ID: a.To, Name: "y", Price: 4})}
			return []any{db.Save(&m), m}
		}},
		{Name: "Omit.Save", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Omit("Price").Save(&m), m} }},
		{Name: "Select.Save", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Select("Name", "By").Save(&m), m} }},
		{Name: "Select(*).Save with a new key", Do: func(db *gorm.DB, a Args) any { m := f.make(33, a); return []any{db.Select("*").Save(&m), m} }},
		{Name: "Select(*).Save", Do: func(db *gorm.DB, a Args) any { m := f.make(a.ID, a); return []any{db.Select("*").Save(&m), m} }},
		{Name: "Where.Save", Do: func(db *gorm.DB, a Args) any {
			m := f.make(a.ID, a)
			return []any{db.Where("tenant = ?", 1).Save(&m), m}
		}},
	}
}
