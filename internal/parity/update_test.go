package parity_test

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func updateSteps() []parityStep {
	return []parityStep{
		{name: "update a column", do: func(db *gorm.DB) any { return db.Model(&parityItem{ID: 1}).Update("name", "n") }},
		{name: "update a column by field name", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Update("Price", 5)
		}},
		{name: "update an instance that was read", do: func(db *gorm.DB) any {
			var item parityItem
			db.First(&item, 2)
			return []any{db.Model(&item).Update("price", 5), item}
		}},
		{name: "update where", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price > ?", 20).Update("name", "n")
		}},
		{name: "update an instance where", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Where("price > ?", 0).Update("name", "n")
		}},
		{name: "update an instance where it does not hold", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Where("price > ?", 50).Update("name", "n")
		}},
		{name: "update no row", do: func(db *gorm.DB) any { return db.Model(&parityItem{ID: 99}).Update("name", "n") }},
		{name: "update to what is stored", do: func(db *gorm.DB) any {
			return db.Model(&parityWord{}).Where("count > 0").Update("count", 2)
		}},
		{name: "update from a map", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Updates(map[string]any{"name": "n", "Stock": 0, "note": nil})
		}},
		{name: "update from a struct", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Updates(parityItem{Name: "n", Stock: 0, Price: 4})
		}},
		{name: "update from a pointer to a struct", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Updates(&parityItem{Name: "n"})
		}},
		{name: "update from a struct with a key", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price = 10").Updates(parityItem{ID: 33, Name: "n"})
		}},
		{name: "update from another struct", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Updates(struct {
				Name  string
				Price int64
			}{"n", 3})
		}},
	}
}

func updateMoreSteps() []parityStep {
	return []parityStep{
		{name: "update where from a struct", do: func(db *gorm.DB) any {
			return db.Model(parityItem{}).Where("stock < ?", 4).Updates(parityItem{Name: "n", Price: 4})
		}},
		{name: "update where from a map", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("stock < ?", 4).Updates(map[string]any{"name": "n", "price": 0})
		}},
		{name: "updates of the struct itself", do: func(db *gorm.DB) any { return db.Updates(&parityItem{ID: 1, Name: "n"}) }},
		{name: "updates of the struct itself by value", do: func(db *gorm.DB) any { return db.Updates(parityWord{"one", 7}) }},
		{name: "updates of the struct itself where", do: func(db *gorm.DB) any {
			return db.Where("stock > 3").Updates(&parityItem{Name: "n"})
		}},
		{name: "updates of the struct itself where, by value", do: func(db *gorm.DB) any {
			return db.Where("count > 1").Updates(parityWord{Count: 7})
		}},
		{name: "update with Select", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Select("name").Updates(map[string]any{"name": "n", "price": 4})
		}},
		{name: "update with Omit", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Omit("name").Updates(map[string]any{"name": "n", "price": 4})
		}},
		{name: "update with Select from a struct", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Select("Name", "Price").Updates(parityItem{Name: "n", Stock: 5})
		}},
		{name: "update with Select of all from a struct", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Select("*").Omit("id").Updates(parityItem{Name: "n"})
		}},
		{name: "update with Select of all but one", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Select("*").Omit("id", "Price", "created_at").Updates(parityItem{Name: "n"})
		}},
		{name: "update with Omit of the time", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Omit("updated_at").Update("name", "n")
		}},
	}
}

func updateFormSteps() []parityStep {
	return []parityStep{
		{name: "update a slice of instances", do: func(db *gorm.DB) any {
			items := []parityItem{{ID: 1}, {ID: 3}, {ID: 5}, {ID: 99}}
			return []any{db.Model(&items).Update("name", "n"), items}
		}},
		{name: "update a slice of instances from a struct", do: func(db *gorm.DB) any {
			items := []*parityItem{{ID: 1}, {ID: 3}}
			return []any{db.Model(items).Updates(parityItem{Name: "n"}), items}
		}},
		{name: "update a slice of instances where", do: func(db *gorm.DB) any {
			return db.Model(&[]parityItem{{ID: 1}, {ID: 3}, {ID: 5}}).Where("price > 20").Update("name", "n")
		}},
		{name: "update an empty slice", do: func(db *gorm.DB) any { return db.Model(&[]parityItem{}).Update("name", "n") }},
		{name: "update an empty slice where", do: func(db *gorm.DB) any {
			return db.Model(&[]parityItem{}).Where("price > 20").Update("name", "n")
		}},
		{name: "update without a condition", do: func(db *gorm.DB) any { return db.Model(&parityItem{}).Update("name", "n") }},
		{name: "update everything", do: func(db *gorm.DB) any {
			return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&parityItem{}).Update("name", "n")
		}},
		{name: "update from an empty map", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Updates(map[string]any{})
		}},
		{name: "update from an empty struct", do: func(db *gorm.DB) any {
			return db.Model(&parityWord{Text: "one"}).Updates(parityWord{})
		}},
		{name: "update with Omit of everything", do: func(db *gorm.DB) any {
			return db.Model(&parityWord{Text: "one"}).Omit("count").Updates(map[string]any{"count": 4})
		}},
		{name: "update an unknown column", undone: true, do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Update("nowhere", 1)
		}},
		{name: "update to a duplicate", undone: true, do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Update("code", "c2")
		}},
		{name: "update several to a duplicate", undone: true, do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("id > 0").Update("code", "same")
		}},
	}
}

func updateFormMoreSteps() []parityStep {
	return []parityStep{
		{name: "update with a value of the wrong type", partial: true, junk: true, do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Update("price", "many")
		}},
		{name: "update a time by hand", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Update("updated_at", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
		}},
		{name: "update the key", do: func(db *gorm.DB) any { return db.Model(&parityItem{ID: 1}).Update("id", 100) }},
		{name: "update a key in words", do: func(db *gorm.DB) any {
			return db.Model(&parityWord{}).Where("count = 1").Update("text", "uno")
		}},
		{name: "update all keys", blind: true, do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("id > 0").Update("id", gorm.Expr("id + 100"))
		}},
		{name: "update half a composite key", do: func(db *gorm.DB) any {
			return db.Model(&paritySeat{}).Where("room = 'A'").Update("room", "Z")
		}},
		{name: "update in another table", table: "parity_olds", do: func(db *gorm.DB) any {
			return db.Table("parity_olds").Model(&parityItem{}).Where("price > 1").Update("name", "n")
		}},
		{name: "update an instance in another table", table: "parity_olds", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Table("parity_olds").Update("name", "n")
		}},
		{name: "update under an alias", table: "parity_items", do: func(db *gorm.DB) any {
			return db.Table("parity_items as i").Model(&parityItem{}).Where("i.price > ?", 20).Update("name", "n")
		}},
		{name: "update with Model of nil", do: func(db *gorm.DB) any {
			return db.Model((*parityItem)(nil)).Where("id = 1").Update("name", "n")
		}},
		{name: "update with result", do: func(db *gorm.DB) any {
			result := gorm.WithResult()
			tx := db.Clauses(result).Model(&parityItem{}).Where("price > 20").Update("name", "n")
			return []any{tx, result.RowsAffected}
		}},
	}
}

func updateShapeSteps() []parityStep {
	return []parityStep{
		{name: "update with composite key", do: func(db *gorm.DB) any {
			return db.Model(&paritySeat{Room: "A", No: 1}).Update("price", 1)
		}},
		{name: "update with half a composite key", do: func(db *gorm.DB) any {
			return db.Model(&paritySeat{Room: "A"}).Update("price", 1)
		}},
		{name: "update several with composite keys", do: func(db *gorm.DB) any {
			return db.Model(&paritySeat{}).Where("price > 5").Update("taken", true)
		}},
		{name: "update a slice with composite keys", do: func(db *gorm.DB) any {
			return db.Model(&[]paritySeat{{Room: "A", No: 1}, {Room: "B", No: 2}}).Update("price", 1)
		}},
		{name: "update without a primary key", do: func(db *gorm.DB) any {
			return db.Model(&parityLine{}).Where("size > 1").Update("size", 20)
		}},
		{name: "update with a string key", do: func(db *gorm.DB) any {
			return db.Model(&parityWord{Text: "one"}).Update("count", 9)
		}},
		{name: "update with a key type of its own", do: func(db *gorm.DB) any {
			return db.Model(&parityGem{ID: parityID{1}}).Update("name", "red")
		}},
		{name: "update several with a key type of their own", do: func(db *gorm.DB) any {
			return db.Model(&parityGem{}).Where("name <> 'x'").Update("name", "red")
		}},
		{name: "update serialized columns", do: func(db *gorm.DB) any {
			return db.Model(&parityShop{Model: gorm.Model{ID: 1}}).Updates(parityShop{
				Labels: []string{"q"}, Hours: map[string]int{"sun": 1}, Opened: 1720000000, Rent: parityMoney{9}, Fee: &parityMoney{1},
			})
		}},
		{name: "update serialized columns from a map", do: func(db *gorm.DB) any {
			return db.Model(&parityShop{Model: gorm.Model{ID: 1}}).
				Updates(map[string]any{"Labels": `["q"]`, "Rent": parityMoney{9}, "fee": nil, "blob": []byte("b")})
		}},
		{name: "update a custom type from its column", do: func(db *gorm.DB) any {
			return db.Model(&parityShop{}).Where("id > 0").Update("rent", "12c")
		}},
		{name: "update embedded columns", do: func(db *gorm.DB) any {
			return db.Model(&parityShop{}).Where("id > 0").Updates(map[string]any{"city": "Pisa", "billing_zip": "77"})
		}},
	}
}

func updateShapeMoreSteps() []parityStep {
	return []parityStep{
		{name: "update embedded structs", do: func(db *gorm.DB) any {
			return db.Model(&parityShop{Model: gorm.Model{ID: 2}}).
				Updates(parityShop{Main: parityAddress{City: "Pisa"}, Billing: &parityAddress{Zip: "7"}})
		}},
		{name: "update columns with permissions", do: func(db *gorm.DB) any {
			return db.Model(&parityOdd{}).Where("id > 0").Updates(parityOdd{Name: "longer", Once: "no", Later: "yes", Twice: 1})
		}},
		{name: "update columns with permissions from a map", do: func(db *gorm.DB) any {
			return db.Model(&parityOdd{ID: 1}).Updates(map[string]any{"label": "longer", "later": "yes"})
		}},
		{name: "update with defaults", do: func(db *gorm.DB) any {
			return db.Model(&parityPref{ID: 1}).Updates(map[string]any{"color": "", "on": nil})
		}},
		{name: "update in a table with a reserved name", do: func(db *gorm.DB) any {
			return db.Model(&parityOrder{}).Where(map[string]any{"group": "g1"}).Update("group", "g9")
		}},
		{name: "update a soft-deleted row", do: func(db *gorm.DB) any {
			return db.Model(&parityPage{ID: 4}).Update("title", "n")
		}},
		{name: "update a soft-deleted row, unscoped", do: func(db *gorm.DB) any {
			return db.Unscoped().Model(&parityPage{ID: 4}).Update("title", "n")
		}},
		{name: "restore a row", do: func(db *gorm.DB) any {
			return db.Unscoped().Model(&parityPage{ID: 4}).Update("deleted_at", nil)
		}},
		{name: "restore all rows", do: func(db *gorm.DB) any {
			return db.Unscoped().Model(&parityPage{}).Where("deleted_at IS NOT NULL").Update("DeletedAt", gorm.DeletedAt{})
		}},
		{name: "update live pages", do: func(db *gorm.DB) any {
			return db.Model(&parityPage{}).Where("views > 1").Or("title = 'p1'").Update("views", 50)
		}},
		{name: "update a nullable column", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Updates(map[string]any{"code": nil, "note": "text"})
		}},
		{name: "update join rows", do: func(db *gorm.DB) any {
			return db.Model(&parityMember{}).Where("parity_user_id = 1").Update("role", "chief")
		}},
	}
}

func updateExprSteps() []parityStep {
	avg := func(db *gorm.DB) *gorm.DB { return db.Model(&parityItem{}).Select("AVG(price)") }
	return []parityStep{
		{name: "update to an expression", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Update("price", gorm.Expr("price * ? + ?", 2, 100))
		}},
		{name: "update several to an expression", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price < ?", 40).Update("price", gorm.Expr("price + ?", 20))
		}},
		{name: "update to expressions and values", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("stock > ?", 2).
				Updates(map[string]any{"price": gorm.Expr("stock * 2"), "stock": gorm.Expr("price"), "name": "n"})
		}},
		{name: "update to a column", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 2}).Update("price", clause.Column{Name: "stock"})
		}},
		{name: "update to a subquery", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 1}).Update("price", avg(db))
		}},
		{name: "update several to a subquery of the table", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("stock > 1").Update("price", avg(db))
		}},
		{name: "update to an expression with a subquery", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("stock > 1").Update("price", gorm.Expr("price + (?)", avg(db)))
		}},
		{name: "update to a subquery of another table", do: func(db *gorm.DB) any {
			return db.Model(&parityUser{}).Where("company_id IS NOT NULL").
				Update("name", db.Model(&parityCompany{}).Select("name").Where("parity_companies.id = parity_users.company_id"))
		}},
		{name: "update to values that the database computes", do: func(db *gorm.DB) any {
			return db.Model(&parityCry{}).Where("loud > 0").Updates(parityCry{Text: "scream"})
		}},
		{name: "update an instance to a value that the database computes", do: func(db *gorm.DB) any {
			return db.Model(&parityCry{ID: 1}).Update("text", parityShout("scream"))
		}},
		{name: "update a line to an expression", do: func(db *gorm.DB) any {
			return db.Model(&parityLine{}).Where("size > 1").Update("size", gorm.Expr("size * 2"))
		}},
		{name: "update below the average", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price < (?)", avg(db)).Update("price", 1000)
		}},
		{name: "update below the average, in SQL", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price < (SELECT AVG(price) FROM parity_items)").
				Update("price", gorm.Expr("price + 1000"))
		}},
		{name: "update the cheapest", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price = (?)", db.Model(&parityItem{}).Select("MIN(price)")).
				Update("price", gorm.Expr("price + 1000"))
		}},
		{name: "update unless one of a kind", do: func(db *gorm.DB) any {
			return db.Model(&paritySeat{}).
				Where("EXISTS (SELECT 1 FROM parity_seats s WHERE s.room = parity_seats.room AND s.no <> parity_seats.no AND s.price < 8)").
				Update("price", 9)
		}},
	}
}
