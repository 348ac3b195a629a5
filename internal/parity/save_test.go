package parity_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/show"
)

func saveSteps() []parityStep {
	return []parityStep{
		{name: "save a new row", do: func(db *gorm.DB) any { return db.Save(&parityItem{Name: "n"}) }},
		{name: "save a row that was read", do: func(db *gorm.DB) any {
			var item parityItem
			db.First(&item, 1)
			item.Price = 99
			return []any{db.Save(&item), item}
		}},
		{name: "save an unchanged row", do: func(db *gorm.DB) any {
			var word parityWord
			db.First(&word, "text = ?", "one")
			return db.Save(&word)
		}},
		{name: "save a struct with a key", do: func(db *gorm.DB) any { return db.Save(&parityItem{ID: 1, Name: "n"}) }},
		{name: "save with a key that is not stored", do: func(db *gorm.DB) any { return db.Save(&parityItem{ID: 60, Name: "n"}) }},
		{name: "save by value", do: func(db *gorm.DB) any { return db.Save(parityWord{"one", 10}) }},
		{name: "save by value, not stored", do: func(db *gorm.DB) any { return db.Save(parityWord{"four", 4}) }},
		{name: "save by value with times", do: func(db *gorm.DB) any { return db.Save(parityItem{ID: 1, Name: "n"}) }},
		{name: "save a pointer to a pointer", do: func(db *gorm.DB) any { return db.Save(new(&parityItem{ID: 1, Name: "n"})) }},
		{name: "save with Omit", do: func(db *gorm.DB) any {
			return db.Omit("Price", "Stock").Save(&parityItem{ID: 1, Name: "n", Price: 1})
		}},
		{name: "save with Omit, not stored", partial: true, do: func(db *gorm.DB) any {
			return db.Omit("Price").Save(&parityItem{ID: 61, Name: "n", Price: 1, Stock: 2})
		}},
		{name: "save with Omit of a relation", do: func(db *gorm.DB) any {
			return db.Omit(clause.Associations).Save(&parityUser{ID: 1, Name: "n", Card: &parityCard{Number: "no"}})
		}},
		{name: "save with Select", do: func(db *gorm.DB) any {
			return db.Select("Name").Save(&parityItem{ID: 1, Name: "n", Price: 1})
		}},
		{name: "save with Select of all", do: func(db *gorm.DB) any {
			return db.Select("*").Save(&parityItem{ID: 1, Name: "n", Price: 1})
		}},
		{name: "save with Select, not stored", do: func(db *gorm.DB) any {
			return db.Select("Name").Save(&parityItem{ID: 62, Name: "n", Price: 1})
		}},
		{name: "save where, holds", do: func(db *gorm.DB) any {
			return db.Where("stock < ?", 5).Save(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "save where, does not hold", partial: true, do: func(db *gorm.DB) any {
			return db.Where("stock > ?", 5).Save(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "save where, not stored", do: func(db *gorm.DB) any {
			return db.Where("stock > ?", 5).Save(&parityItem{ID: 63, Name: "n"})
		}},
		{name: "save a conflicting row", undone: true, do: func(db *gorm.DB) any {
			return db.Save(&parityItem{ID: 2, Name: "n", Code: new("c1")})
		}},
		{name: "save a conflicting row, not stored", undone: true, do: func(db *gorm.DB) any {
			return db.Save(&parityItem{ID: 64, Name: "n", Code: new("c1")})
		}},
		{name: "select all, updates, not stored", do: func(db *gorm.DB) any {
			return db.Select("*").Updates(&parityItem{ID: 65, Name: "n"})
		}},
		{name: "select all, updates", do: func(db *gorm.DB) any { return db.Select("*").Updates(&parityItem{ID: 1, Name: "n"}) }},
	}
}

func saveFormSteps() []parityStep {
	deleted := gorm.DeletedAt{Time: parityStart, Valid: true}
	return []parityStep{
		{name: "save a live page", do: func(db *gorm.DB) any { return db.Save(&parityPage{ID: 1, Title: "n", Slug: "s1"}) }},
		{name: "save marks a row deleted", do: func(db *gorm.DB) any {
			return db.Save(&parityPage{ID: 1, Title: "n", Slug: "s1", DeletedAt: deleted})
		}},
		{name: "save a soft-deleted row", partial: true, do: func(db *gorm.DB) any {
			return db.Save(&parityPage{ID: 4, Title: "n", Slug: "s4"})
		}},
		{name: "save a soft-deleted row, still deleted", partial: true, do: func(db *gorm.DB) any {
			return db.Save(&parityPage{ID: 4, Title: "n", Slug: "s4", DeletedAt: deleted})
		}},
		{name: "save a soft-deleted row, unscoped", do: func(db *gorm.DB) any {
			return db.Unscoped().Save(&parityPage{ID: 4, Title: "n", Slug: "s4"})
		}},
		{name: "save with composite key", do: func(db *gorm.DB) any { return db.Save(&paritySeat{"A", 1, true, 70}) }},
		{name: "save with composite key, not stored", do: func(db *gorm.DB) any { return db.Save(&paritySeat{"A", 9, true, 70}) }},
		{name: "save with half a composite key", do: func(db *gorm.DB) any { return db.Save(&paritySeat{Room: "A", Price: 3}) }},
		{name: "save embedded structs", do: func(db *gorm.DB) any {
			var shop parityShop
			db.First(&shop, 1)
			shop.Main.City, shop.Billing, shop.Labels, shop.Fee = "Turin", &parityAddress{"Bari", "9"}, append(shop.Labels, "z"), nil
			shop.Hours["fri"] = 6
			return []any{db.Save(&shop), shop}
		}},
		{name: "save with column permissions", partial: true, do: func(db *gorm.DB) any {
			var odd parityOdd
			db.First(&odd, 1)
			odd.Name, odd.Once, odd.Later, odd.Hidden = "odder", "never", "now", "h"
			return []any{db.Omit("Hidden").Save(&odd), odd}
		}},
		{name: "save with column permissions, whole", partial: true, do: func(db *gorm.DB) any {
			var odd parityOdd
			db.First(&odd, 1)
			odd.Name, odd.Once, odd.Later = "odder", "never", "now"
			return []any{db.Save(&odd), odd}
		}},
	}
}

func saveFormMoreSteps() []parityStep {
	return []parityStep{
		{name: "save with defaults", do: func(db *gorm.DB) any { return db.Save(&parityPref{ID: 1, Color: "pink"}) }},
		{name: "save with defaults, not stored", partial: true, do: func(db *gorm.DB) any {
			return db.Save(&parityPref{ID: 30, Color: "pink"})
		}},
		{name: "save with a key type of its own", do: func(db *gorm.DB) any { return db.Save(&parityGem{parityID{1}, "red"}) }},
		{name: "save with a key type of its own, not stored", do: func(db *gorm.DB) any {
			return db.Save(&parityGem{parityID{8}, "red"})
		}},
		{name: "save in a table with a reserved name", do: func(db *gorm.DB) any {
			return db.Save(&parityOrder{ID: 1, Group: "g"})
		}},
		{name: "save in another table", table: "parity_olds", do: func(db *gorm.DB) any {
			return db.Table("parity_olds").Save(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "save in another table, not stored", table: "parity_olds", do: func(db *gorm.DB) any {
			return db.Table("parity_olds").Save(&parityItem{ID: 50, Name: "n"})
		}},
		{name: "save without a primary key", undone: true, do: func(db *gorm.DB) any { return db.Save(&parityLine{"l1", 9}) }},
		{name: "save computed values", partial: true, do: func(db *gorm.DB) any {
			return db.Save(&parityCry{ID: 1, Text: "scream", Loud: 9})
		}},
		{name: "save with Returning", do: func(db *gorm.DB) any {
			return db.Clauses(clause.Returning{}).Save(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "save with nothing to do on conflict", skips: true, partial: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Save(&parityItem{ID: 66, Name: "n"})
		}},
		{name: "save with Model", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("id = ?", 1).Save(&parityItem{ID: 1, Name: "n"})
		}},
		{name: "save twice", do: func(db *gorm.DB) any {
			word := parityWord{"six", 6}
			first := show.Statement(db.Save(&word))
			return []any{first, word}
		}},
	}
}

func saveListSteps() []parityStep {
	return []parityStep{
		{name: "save a slice", partial: true, do: func(db *gorm.DB) any {
			return db.Save(&[]parityItem{{ID: 1, Name: "n"}, {ID: 67, Name: "m"}, {Name: "o"}})
		}},
		{name: "save a slice of pointers", partial: true, do: func(db *gorm.DB) any {
			return db.Save([]*parityItem{{ID: 1, Name: "n"}, {ID: 68, Name: "m"}})
		}},
		{name: "save a slice that was read", do: func(db *gorm.DB) any {
			var items []parityItem
			db.Find(&items, []int{1, 2, 3})
			for i := range items {
				items[i].Stock += 10
			}
			return []any{db.Save(&items), items}
		}},
		{name: "save a slice with Omit", partial: true, do: func(db *gorm.DB) any {
			return db.Omit("Price").Save(&[]parityItem{{ID: 1, Name: "n", Price: 7}, {ID: 69, Name: "m", Price: 8}})
		}},
		{name: "save a slice with Select", partial: true, do: func(db *gorm.DB) any {
			return db.Select("id", "name").Save(&[]parityItem{{ID: 1, Name: "n", Price: 7}, {ID: 69, Name: "m", Price: 8}})
		}},
		{name: "save a slice of words", do: func(db *gorm.DB) any {
			return db.Save([]parityWord{{"one", 11}, {"two", 2}, {"ten", 10}})
		}},
		{name: "save a slice of soft-deleted rows", partial: true, do: func(db *gorm.DB) any {
			return db.Save(&[]parityPage{{ID: 1, Title: "n", Slug: "s1"}, {ID: 4, Title: "m", Slug: "s4"}})
		}},
		{name: "save a slice with composite keys", do: func(db *gorm.DB) any {
			return db.Save(&[]paritySeat{{"A", 1, true, 1}, {"Z", 1, true, 1}})
		}},
		{name: "save a slice with nothing to do on conflict", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(nothing(onKey())).Save(&[]parityWord{{"one", 11}, {"ten", 10}})
		}},
		{name: "save an array", do: func(db *gorm.DB) any { return db.Save(&[2]parityWord{{"one", 11}, {"ten", 10}}) }},
		{name: "save no rows", do: func(db *gorm.DB) any { return db.Save(&[]parityItem{}) }},
		{name: "save a slice, one conflicts", undone: true, do: func(db *gorm.DB) any {
			return db.Save(&[]parityItem{{ID: 1, Name: "n"}, {ID: 2, Name: "m", Code: new("c3")}})
		}},
		{name: "save a slice without primary keys", do: func(db *gorm.DB) any {
			return db.Save(&[]parityLine{{"l1", 9}, {"l9", 9}})
		}},
	}
}
