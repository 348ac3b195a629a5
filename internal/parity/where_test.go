package parity_test

import (
	"database/sql"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func whereSteps() []parityStep {
	return []parityStep{
		{name: "where or", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price = 10").Or("price = 30").Or("stock = 6").Update("name", "n")
		}},
		{name: "where or, with an instance", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Where("price = 10").Or("price = 30").Update("name", "n")
		}},
		{name: "where or, soft delete", do: func(db *gorm.DB) any {
			return db.Model(&parityPage{}).Where("views = 1").Or("views = 4").Update("title", "n")
		}},
		{name: "only or", do: func(db *gorm.DB) any { return db.Model(&parityItem{}).Or("price = 30").Update("name", "n") }},
		{name: "where not", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Not("price = ?", 10).Not(map[string]any{"name": []string{"b", "c"}}).Update("name", "n")
		}},
		{name: "where a group", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where(db.Where("price < 20").Or("price > 50")).Where("stock < 6").Update("name", "n")
		}},
		{name: "where a struct", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where(&parityItem{Name: "a", Price: 10}).Update("name", "n")
		}},
		{name: "where a struct, named fields", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where(parityItem{Name: "a"}, "name", "stock").Update("name", "n")
		}},
		{name: "where a map", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where(map[string]any{"name": "a", "price": []int{10, 20}}).Update("name", "n")
		}},
		{name: "where keys", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where([]int{1, 2, 3}).Update("name", "n")
		}},
		{name: "where in tuples", do: func(db *gorm.DB) any {
			return db.Model(&paritySeat{}).Where("(room, no) IN ?", [][]any{{"A", 1}, {"B", 2}}).Update("price", 1)
		}},
		{name: "where named", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price > @p AND stock < @s", sql.Named("p", 10), sql.Named("s", 5)).Update("name", "n")
		}},
		{name: "where named in a map", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price > @p", map[string]any{"p": 10}).Update("name", "n")
		}},
	}
}

func whereMoreSteps() []parityStep {
	return []parityStep{
		{name: "where clauses", do: func(db *gorm.DB) any {
			return db.Clauses(clause.Where{Exprs: []clause.Expression{clause.Gt{Column: "price", Value: 20}}}).
				Model(&parityItem{}).Update("name", "n")
		}},
		{name: "where a model by value", do: func(db *gorm.DB) any {
			return db.Model(parityItem{ID: 2}).Where("price > 1").Update("name", "n")
		}},
		{name: "where, limited", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price > 10").Order("price desc").Limit(2).Update("name", "n")
		}},
		{name: "scopes", do: func(db *gorm.DB) any {
			dear := func(tx *gorm.DB) *gorm.DB { return tx.Where("price > ?", 20) }
			few := func(tx *gorm.DB) *gorm.DB { return tx.Where("stock < ?", 6).Or("name = ?", "a") }
			return db.Model(&parityItem{}).Scopes(dear, few).Update("name", "n")
		}},
		{name: "scope of a table", table: "parity_olds", do: func(db *gorm.DB) any {
			old := func(tx *gorm.DB) *gorm.DB { return tx.Table("parity_olds") }
			return db.Model(&parityItem{}).Scopes(old).Where("price > 1").Update("name", "n")
		}},
		{name: "where in a session", do: func(db *gorm.DB) any {
			tx := db.Where("price > 20").Session(&gorm.Session{})
			return []any{tx.Model(&parityItem{}).Update("name", "n"), tx.Model(&parityItem{}).Update("stock", 1)}
		}},
		{name: "where it never holds", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("1 = 0").Update("name", "n")
		}},
		{name: "where it always holds", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("1 = 1").Update("name", "n")
		}},
		{name: "where what is updated", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("name IN ?", []string{"a", "b", "c", "d"}).Update("name", "e")
		}},
	}
}

func whereJoinSteps() []parityStep {
	writers := func(db *gorm.DB) *gorm.DB {
		return db.Model(&parityPost{}).Select("parity_posts.user_id").
			Joins("JOIN parity_users ON parity_users.id = parity_posts.user_id").Where("parity_users.name <> ?", "cyd")
	}
	from := clause.From{Tables: []clause.Table{{Name: "parity_companies"}}}
	return []parityStep{
		{name: "where in a subquery with joins", do: func(db *gorm.DB) any {
			return db.Model(&parityUser{}).Where("id IN (?)", writers(db)).Update("name", "writer")
		}},
		{name: "where not in a subquery", do: func(db *gorm.DB) any {
			return db.Model(&parityUser{}).Where("id NOT IN (?)", writers(db)).Update("name", "reader")
		}},
		{name: "where exists", do: func(db *gorm.DB) any {
			cards := db.Model(&parityCard{}).Select("1").Where("parity_cards.user_id = parity_users.id")
			return db.Model(&parityUser{}).Where("EXISTS (?)", cards).Update("name", "holder")
		}},
		{name: "where what a subquery of the table says", do: func(db *gorm.DB) any {
			managers := db.Model(&parityUser{}).Distinct("manager_id").Where("manager_id IS NOT NULL")
			return db.Model(&parityUser{}).Where("id NOT IN (?)", managers).Update("manager_id", nil)
		}},
		{name: "where reports are moved", do: func(db *gorm.DB) any {
			led := db.Model(&parityUser{}).Select("id").Where("manager_id = 1")
			return db.Model(&parityUser{}).Where("id IN (?)", led).Update("manager_id", 2)
		}},
		{name: "update from another table", do: func(db *gorm.DB) any {
			return db.Model(&parityUser{}).Clauses(from).Where("parity_companies.id = parity_users.company_id").
				Where("parity_companies.name = ?", "acme").Update("name", "worker")
		}},
		{name: "update to a column of another table", do: func(db *gorm.DB) any {
			return db.Model(&parityUser{}).Clauses(from).Where("parity_companies.id = parity_users.company_id").
				Update("name", gorm.Expr("parity_companies.name"))
		}},
		{name: "update with Joins", undone: true, do: func(db *gorm.DB) any {
			return db.Model(&parityUser{}).Joins("Company").Where("company_id = 1").Update("name", "n")
		}},
		{name: "delete where in a subquery with joins", do: func(db *gorm.DB) any {
			return db.Where("user_id IN (?)", writers(db)).Delete(&parityPost{})
		}},
		{name: "delete below the average", do: func(db *gorm.DB) any {
			return db.Where("price < (?)", db.Model(&parityItem{}).Select("AVG(price)")).Delete(&parityItem{})
		}},
		{name: "delete the cheapest", do: func(db *gorm.DB) any {
			return db.Where("price IN (?)", db.Table("parity_items").Select("price").Order("price").Limit(3)).Delete(&parityItem{})
		}},
		{name: "delete all but the dearest", do: func(db *gorm.DB) any {
			return db.Where("price < (SELECT MAX(price) FROM parity_items)").Delete(&parityItem{})
		}},
		{name: "delete what is not alone", do: func(db *gorm.DB) any {
			return db.Where("EXISTS (SELECT 1 FROM parity_seats s WHERE s.room = parity_seats.room AND s.no <> parity_seats.no)").
				Delete(&paritySeat{})
		}},
		{name: "delete pages below the average", do: func(db *gorm.DB) any {
			return db.Where("views < (?)", db.Model(&parityPage{}).Select("AVG(views)")).Delete(&parityPage{})
		}},
	}
}

func returningSteps() []parityStep {
	some := clause.Returning{Columns: []clause.Column{{Name: "name"}, {Name: "stock"}}}
	return []parityStep{
		{name: "update returning", do: func(db *gorm.DB) any {
			var items []parityItem
			return []any{db.Model(&items).Clauses(clause.Returning{}).Where("price > 20").Update("stock", gorm.Expr("stock * 2")), items}
		}},
		{name: "update returning some columns", do: func(db *gorm.DB) any {
			var items []parityItem
			return []any{db.Model(&items).Clauses(some).Where("price > 20").Update("stock", gorm.Expr("stock * 2")), items}
		}},
		{name: "update returning into pointers", do: func(db *gorm.DB) any {
			var items []*parityItem
			return []any{db.Model(&items).Clauses(clause.Returning{}).Where("price > 20").Update("name", "n"), items}
		}},
		{name: "update returning into an instance", do: func(db *gorm.DB) any {
			item := parityItem{ID: 1}
			return []any{db.Model(&item).Clauses(clause.Returning{}).Update("price", gorm.Expr("price + 1")), item}
		}},
		{name: "update returning into one of several", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{db.Model(&item).Clauses(clause.Returning{}).Where("price > 20").Update("name", "n"), item}
		}},
		{name: "update returning nothing", do: func(db *gorm.DB) any {
			var items []parityItem
			return []any{db.Model(&items).Clauses(clause.Returning{}).Where("price > 200").Update("name", "n"), items}
		}},
		{name: "update returning into a slice with rows", do: func(db *gorm.DB) any {
			items := []parityItem{{ID: 1, Name: "old"}, {ID: 2}}
			return []any{db.Model(&items).Clauses(clause.Returning{}).Update("name", "n"), items}
		}},
		{name: "delete returning", do: func(db *gorm.DB) any {
			var items []parityItem
			return []any{db.Clauses(clause.Returning{}).Where("price > 20").Delete(&items), items}
		}},
		{name: "delete returning some columns", do: func(db *gorm.DB) any {
			var items []parityItem
			return []any{db.Clauses(some).Where("price > 20").Delete(&items), items}
		}},
		{name: "delete returning into an instance", do: func(db *gorm.DB) any {
			item := parityItem{ID: 1}
			return []any{db.Clauses(clause.Returning{}).Delete(&item), item}
		}},
		{name: "delete returning without a primary key", do: func(db *gorm.DB) any {
			var lines []parityLine
			return []any{db.Clauses(clause.Returning{}).Where("size > 1").Delete(&lines), lines}
		}},
		{name: "soft delete returning", do: func(db *gorm.DB) any {
			var pages []parityPage
			return []any{db.Clauses(clause.Returning{}).Where("views > 1").Delete(&pages), pages}
		}},
		{name: "delete returning composite keys", do: func(db *gorm.DB) any {
			var seats []paritySeat
			return []any{db.Clauses(clause.Returning{}).Where("price > 5").Delete(&seats), seats}
		}},
	}
}
