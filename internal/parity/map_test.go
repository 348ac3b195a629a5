package parity_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func createMapSteps() []parityStep {
	one := func() map[string]any { return map[string]any{"Name": "m", "price": 5} }
	two := func() []map[string]any { return []map[string]any{{"Name": "m", "price": 5}, {"name": "o", "Stock": 2}} }
	return []parityStep{
		{name: "create a map", do: func(db *gorm.DB) any {
			m := one()
			return []any{db.Model(&parityItem{}).Create(m), m}
		}},
		{name: "create a pointer to a map", do: func(db *gorm.DB) any {
			m := one()
			return []any{db.Model(&parityItem{}).Create(&m), m}
		}},
		{name: "create a map, model by value", do: func(db *gorm.DB) any {
			m := one()
			return []any{db.Model(parityItem{}).Create(m), m}
		}},
		{name: "create maps", undone: true, torn: true, do: func(db *gorm.DB) any {
			m := two()
			return []any{db.Model(&parityItem{}).Create(m), m}
		}},
		{name: "create a pointer to maps", do: func(db *gorm.DB) any {
			m := two()
			return []any{db.Model(&parityItem{}).Create(&m), m}
		}},
		{name: "create maps in batches", undone: true, torn: true, do: func(db *gorm.DB) any {
			m := append(two(), two()...)
			return []any{db.Model(&parityItem{}).CreateInBatches(m, 2), m}
		}},
		{name: "create a pointer to maps in batches", undone: true, do: func(db *gorm.DB) any {
			m := append(two(), one())
			return []any{db.Model(&parityItem{}).CreateInBatches(&m, 2), m}
		}},
		{name: "create a map with a key", do: func(db *gorm.DB) any {
			m := map[string]any{"id": 80, "name": "m"}
			return []any{db.Model(&parityItem{}).Create(m), m}
		}},
		{name: "create a map with a string key", do: func(db *gorm.DB) any {
			m := map[string]any{"Text": "map", "count": "7"}
			return []any{db.Model(&parityWord{}).Create(m), m}
		}},
		{name: "create a map with an expression", partial: true, do: func(db *gorm.DB) any {
			m := map[string]any{"name": clause.Expr{SQL: "lower(?)", Vars: []any{"LOUD"}}, "price": gorm.Expr("1 + ?", 2)}
			return []any{db.Model(&parityItem{}).Create(m), m}
		}},
		{name: "create a map with a subquery", undone: true, do: func(db *gorm.DB) any {
			m := map[string]any{"name": "m", "price": db.Model(&parityItem{}).Select("max(price)")}
			return []any{db.Model(&parityItem{}).Create(m), m}
		}},
		{name: "create a map with nil", do: func(db *gorm.DB) any {
			m := map[string]any{"name": "m", "code": nil, "note": nil}
			return []any{db.Model(&parityItem{}).Create(m), m}
		}},
	}
}

func createMapMoreSteps() []parityStep {
	one := func() map[string]any { return map[string]any{"Name": "m", "price": 5} }
	return []parityStep{
		{name: "create a map with an unknown column", undone: true, do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Create(map[string]any{"name": "m", "nowhere": 1})
		}},
		{name: "create a map with a value of the wrong type", partial: true, junk: true, do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Create(map[string]any{"name": "m", "price": "many"})
		}},
		{name: "create an empty map", do: func(db *gorm.DB) any { return db.Model(&parityItem{}).Create(map[string]any{}) }},
		{name: "create no maps", do: func(db *gorm.DB) any { return db.Model(&parityItem{}).Create([]map[string]any{}) }},
		{name: "create a map with Select", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Select("name").Create(one())
		}},
		{name: "create a map with Omit", do: func(db *gorm.DB) any { return db.Model(&parityItem{}).Omit("price").Create(one()) }},
		{name: "create a map in another table", table: "parity_olds", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Table("parity_olds").Create(one())
		}},
		{name: "create a map without a model", silent: true, quiet: "parity_items", do: func(db *gorm.DB) any {
			m := map[string]any{"name": "m"}
			return []any{db.Table("parity_items").Create(m), m}
		}},
		{name: "create maps without a model", silent: true, quiet: "parity_items", do: func(db *gorm.DB) any {
			m := []map[string]any{{"name": "m"}, {"name": "o"}}
			return []any{db.Table("parity_items").Create(&m), m}
		}},
		{name: "create a map that conflicts", skips: true, do: func(db *gorm.DB) any {
			m := map[string]any{"id": 1, "name": "m"}
			return []any{db.Model(&parityItem{}).Clauses(clause.OnConflict{DoNothing: true}).Create(m), m}
		}},
		{name: "create maps, one conflicts", skips: true, do: func(db *gorm.DB) any {
			m := []map[string]any{{"text": "one", "count": 1}, {"text": "four", "count": 4}}
			return []any{db.Model(&parityWord{}).Clauses(clause.OnConflict{DoNothing: true}).Create(m), m}
		}},
		{name: "create maps that update", partial: true, do: func(db *gorm.DB) any {
			m := []map[string]any{{"text": "one", "count": 9}, {"text": "four", "count": 4}}
			return []any{db.Model(&parityWord{}).Clauses(clause.OnConflict{UpdateAll: true}).Create(m), m}
		}},
		{name: "create a map with serialized values", do: func(db *gorm.DB) any {
			m := map[string]any{"Name": "map", "Labels": `["q"]`, "Rent": parityMoney{5}, "city": "Graz"}
			return []any{db.Model(&parityShop{}).Create(m), m}
		}},
		{name: "create a map without a primary key", do: func(db *gorm.DB) any {
			m := map[string]any{"name": "l9", "size": 9}
			return []any{db.Model(&parityLine{}).Create(m), m}
		}},
	}
}
