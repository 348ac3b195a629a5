package parity_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func onKey(columns ...string) clause.OnConflict {
	conflict := clause.OnConflict{}
	for _, column := range columns {
		conflict.Columns = append(conflict.Columns, clause.Column{Name: column})
	}
	return conflict
}

func setting(conflict clause.OnConflict, columns ...string) clause.OnConflict {
	conflict.DoUpdates = clause.AssignmentColumns(columns)
	return conflict
}

func nothing(conflict clause.OnConflict) clause.OnConflict {
	conflict.DoNothing = true
	return conflict
}

func upsertSteps() []parityStep {
	return []parityStep{
		{name: "upsert nothing, new", do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Create(&parityItem{ID: 50, Name: "n"})
		}},
		{name: "upsert nothing, stored", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Create(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "upsert nothing, unique column", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Create(&parityItem{Name: "n", Code: new("c1")})
		}},
		{name: "upsert nothing on a column, another conflicts", undone: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey("code"))).Create(&parityItem{ID: 1, Name: "n", Code: new("new")})
		}},
		{name: "upsert a column, stored", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("id"), "name", "price")).Create(&parityItem{ID: 1, Name: "n", Price: 1, Stock: 99})
		}},
		{name: "upsert a column, new", do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("id"), "name", "price")).Create(&parityItem{ID: 51, Name: "n", Price: 1})
		}},
		{name: "upsert by a unique column", partial: true, do: func(db *gorm.DB) any {
			item := parityItem{Name: "n", Code: new("c2"), Price: 1}
			return []any{db.Clauses(setting(onKey("code"), "name")).Create(&item), item.ID}
		}},
		{name: "upsert a value", partial: true, do: func(db *gorm.DB) any {
			conflict := onKey("id")
			conflict.DoUpdates = clause.Assignments(map[string]any{"name": "set", "stock": 0})
			return db.Clauses(conflict).Create(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "upsert an expression", partial: true, do: func(db *gorm.DB) any {
			conflict := onKey("id")
			conflict.DoUpdates = clause.Assignments(map[string]any{"stock": gorm.Expr("stock + excluded.stock")})
			return db.Clauses(conflict).Create(&parityItem{ID: 1, Name: "n", Stock: 4})
		}},
		{name: "upsert all, stored", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&parityItem{ID: 1, Name: "n"})
		}},
	}
}

func upsertMoreSteps() []parityStep {
	return []parityStep{
		{name: "upsert all, new", do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&parityItem{ID: 52, Name: "n"})
		}},
		{name: "upsert all, without key", do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&parityItem{Name: "n"})
		}},
		{name: "upsert all with Select", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Select("id", "name").Create(&parityItem{ID: 1, Name: "n", Price: 1})
		}},
		{name: "upsert all, another column conflicts", undone: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&parityItem{ID: 53, Name: "n", Code: new("c1")})
		}},
		{name: "upsert all with defaults", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&parityPref{ID: 1, Level: 1})
		}},
		{name: "upsert where, holds", partial: true, do: func(db *gorm.DB) any {
			conflict := setting(onKey("id"), "name")
			conflict.Where = clause.Where{Exprs: []clause.Expression{gorm.Expr("parity_items.stock < ?", 5)}}
			return db.Clauses(conflict).Create(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "upsert where, does not hold", skips: true, do: func(db *gorm.DB) any {
			conflict := setting(onKey("id"), "name")
			conflict.Where = clause.Where{Exprs: []clause.Expression{gorm.Expr("parity_items.stock > ?", 5)}}
			return db.Clauses(conflict).Create(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "upsert where, values as stored", skips: true, do: func(db *gorm.DB) any {
			conflict := setting(onKey("text"), "count")
			conflict.Where = clause.Where{Exprs: []clause.Expression{gorm.Expr("parity_words.count <> excluded.count")}}
			return db.Clauses(conflict).Create(&[]parityWord{{"one", 1}, {"two", 20}})
		}},
	}
}

func upsertManySteps() []parityStep {
	return []parityStep{
		{name: "upsert nothing, some stored, the last without a key", blind: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Create(&[]parityItem{{ID: 1, Name: "n"}, {ID: 54, Name: "m"}, {ID: 2}, {Name: "o"}})
		}},
		{name: "upsert nothing, some stored", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Create(&[]parityItem{{ID: 1, Name: "n"}, {ID: 54, Name: "m"}, {ID: 2}})
		}},
		{name: "upsert nothing, all stored", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Create(&[]parityItem{{ID: 1, Name: "n"}, {ID: 2, Name: "m"}})
		}},
		{name: "upsert nothing, conflict in the batch", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Create(&[]parityWord{{"four", 4}, {"four", 5}, {"five", 5}})
		}},
		{name: "upsert all, some stored", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).
				Create([]*parityItem{{ID: 1, Name: "n"}, {ID: 55, Name: "m"}, {Name: "o"}})
		}},
		{name: "upsert all, conflict in the batch", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]parityWord{{"four", 4}, {"four", 5}, {"one", 9}})
		}},
		{name: "upsert a column in batches", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("text"), "count")).
				CreateInBatches([]parityWord{{"a", 1}, {"one", 10}, {"two", 20}, {"b", 2}}, 2)
		}},
		{name: "upsert by two columns", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("room", "no"), "price")).
				Create(&[]paritySeat{{"A", 1, true, 50}, {"A", 3, true, 60}, {"B", 2, false, 70}})
		}},
		{name: "upsert nothing with composite keys", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Create(&[]paritySeat{{"A", 1, true, 50}, {"A", 3, true, 60}})
		}},
	}
}

func upsertManyMoreSteps() []parityStep {
	return []parityStep{
		{name: "upsert a soft-deleted row by key", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&parityPage{ID: 4, Title: "back", Slug: "s4"})
		}},
		{name: "upsert a soft-deleted row by slug", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("slug"), "title", "deleted_at")).Create(&parityPage{Title: "back", Slug: "s4"})
		}},
		{name: "upsert with key type of its own", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).
				Create(&[]parityGem{{parityID{1}, "red"}, {parityID{9}, "new"}})
		}},
		{name: "upsert nothing in another table", table: "parity_olds", skips: true, partial: true, do: func(db *gorm.DB) any {
			return db.Table("parity_olds").Clauses(nothing(onKey())).Create(&[]parityItem{{ID: 1, Name: "n"}, {ID: 60, Name: "m"}})
		}},
		{name: "upsert all in another table", table: "parity_olds", partial: true, do: func(db *gorm.DB) any {
			return db.Table("parity_olds").Clauses(clause.OnConflict{UpdateAll: true}).
				Create(&[]parityItem{{ID: 1, Name: "n"}, {ID: 6, Name: "m"}})
		}},
		{name: "upsert with Returning", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("id"), "name"), clause.Returning{}).
				Create(&[]parityItem{{ID: 1, Name: "n"}, {ID: 56, Name: "m"}})
		}},
		{name: "upsert with hooks", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]parityHooked{{ID: 1, Name: "n"}, {ID: 57, Name: "m"}})
		}},
		{name: "upsert or replace", partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.Insert{Modifier: "OR REPLACE"}).Create(&parityWord{"four", 4})
		}},
	}
}
