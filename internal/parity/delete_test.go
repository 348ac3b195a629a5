package parity_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func deleteSteps() []parityStep {
	return []parityStep{
		{name: "delete", do: func(db *gorm.DB) any { return db.Delete(&parityItem{ID: 1}) }},
		{name: "delete by value", do: func(db *gorm.DB) any { return db.Delete(parityItem{ID: 1}) }},
		{name: "delete an instance that was read", do: func(db *gorm.DB) any {
			var item parityItem
			db.First(&item, 2)
			return []any{db.Delete(&item), item}
		}},
		{name: "delete no row", do: func(db *gorm.DB) any { return db.Delete(&parityItem{ID: 99}) }},
		{name: "delete an instance where", do: func(db *gorm.DB) any {
			return db.Where("price = ?", 10).Delete(&parityItem{ID: 1})
		}},
		{name: "delete an instance where it does not hold", do: func(db *gorm.DB) any {
			return db.Where("price = ?", 20).Delete(&parityItem{ID: 1})
		}},
		{name: "delete an instance where or", do: func(db *gorm.DB) any {
			return db.Where("price = ?", 20).Or("price = 10").Delete(&parityItem{ID: 1})
		}},
		{name: "delete by key", do: func(db *gorm.DB) any { return db.Delete(&parityItem{}, 3) }},
		{name: "delete by key as text", do: func(db *gorm.DB) any { return db.Delete(&parityItem{}, "3") }},
		{name: "delete by keys", do: func(db *gorm.DB) any { return db.Delete(&parityItem{}, []int{1, 2, 3, 99}) }},
		{name: "delete by keys as arguments", do: func(db *gorm.DB) any { return db.Delete(&parityItem{}, 1, 2, 3) }},
		{name: "delete by keys into a slice", do: func(db *gorm.DB) any {
			var items []parityItem
			return []any{db.Delete(&items, []int{1, 2, 3}), items}
		}},
		{name: "delete by a condition", do: func(db *gorm.DB) any { return db.Delete(&parityItem{}, "price > ?", 20) }},
		{name: "delete by a struct", do: func(db *gorm.DB) any { return db.Delete(&parityItem{}, parityItem{Name: "a"}) }},
		{name: "delete by a map", do: func(db *gorm.DB) any {
			return db.Delete(&parityItem{}, map[string]any{"stock": []int{1, 2}})
		}},
	}
}

func deleteMoreSteps() []parityStep {
	return []parityStep{
		{name: "delete where", do: func(db *gorm.DB) any { return db.Where("price > ?", 20).Delete(&parityItem{}) }},
		{name: "delete where or", do: func(db *gorm.DB) any {
			return db.Where("price > ?", 50).Or("name = ?", "a").Or(parityItem{Name: "b"}).Delete(&parityItem{})
		}},
		{name: "delete where not", do: func(db *gorm.DB) any { return db.Not("price > ?", 20).Delete(&parityItem{}) }},
		{name: "delete, limited", do: func(db *gorm.DB) any {
			return db.Where("price > 10").Order("price").Limit(1).Delete(&parityItem{})
		}},
		{name: "delete without a condition", do: func(db *gorm.DB) any { return db.Delete(&parityItem{}) }},
		{name: "delete rows without keys", do: func(db *gorm.DB) any {
			return db.Delete(&[]parityItem{{Name: "a"}, {Name: "b"}})
		}},
		{name: "delete everything", do: func(db *gorm.DB) any {
			return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&parityItem{})
		}},
		{name: "delete what always holds", do: func(db *gorm.DB) any { return db.Where("1 = 1").Delete(&parityItem{}) }},
		{name: "delete a pointer to a pointer", do: func(db *gorm.DB) any { return db.Delete(new(&parityItem{ID: 1})) }},
		{name: "delete a nil pointer", do: func(db *gorm.DB) any { return db.Delete((*parityItem)(nil)) }},
		{name: "delete a nil pointer where", do: func(db *gorm.DB) any {
			return db.Where("id = 1").Delete((*parityItem)(nil))
		}},
		{name: "delete a row that others refer to", undone: true, do: func(db *gorm.DB) any {
			return db.Delete(&parityCompany{ID: 1})
		}},
		{name: "delete with result", do: func(db *gorm.DB) any {
			result := gorm.WithResult()
			return []any{db.Clauses(result).Where("price > 20").Delete(&parityItem{}), result.RowsAffected}
		}},
	}
}

func deleteManySteps() []parityStep {
	return []parityStep{
		{name: "delete a slice", do: func(db *gorm.DB) any { return db.Delete(&[]parityItem{{ID: 1}, {ID: 2}, {ID: 3}}) }},
		{name: "delete a slice by value", do: func(db *gorm.DB) any { return db.Delete([]parityItem{{ID: 1}, {ID: 2}}) }},
		{name: "delete a slice of pointers", do: func(db *gorm.DB) any { return db.Delete([]*parityItem{{ID: 1}, {ID: 2}}) }},
		{name: "delete an array", do: func(db *gorm.DB) any { return db.Delete(&[2]parityItem{{ID: 1}, {ID: 2}}) }},
		{name: "delete a slice with one twice", do: func(db *gorm.DB) any {
			return db.Delete(&[]parityItem{{ID: 1}, {ID: 2}, {ID: 1}})
		}},
		{name: "delete a slice where", do: func(db *gorm.DB) any {
			return db.Delete(&[]parityItem{{ID: 1}, {ID: 2}, {ID: 3}}, "price > ?", 10)
		}},
		{name: "delete with Model", do: func(db *gorm.DB) any { return db.Model(&parityItem{ID: 2}).Delete(&parityItem{}) }},
		{name: "delete with Model and key", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{ID: 2}).Delete(&parityItem{ID: 3})
		}},
		{name: "delete nil with Model", do: func(db *gorm.DB) any { return db.Model(&parityItem{ID: 2}).Delete(nil) }},
		{name: "delete nil with Model where", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price > 20").Delete(nil)
		}},
		{name: "delete with composite key", do: func(db *gorm.DB) any { return db.Delete(&paritySeat{Room: "A", No: 1}) }},
		{name: "delete with half a composite key", do: func(db *gorm.DB) any { return db.Delete(&paritySeat{Room: "A"}) }},
		{name: "delete several with composite keys", do: func(db *gorm.DB) any {
			return db.Delete(&[]paritySeat{{Room: "A", No: 1}, {Room: "B", No: 2}, {Room: "C", No: 1}})
		}},
		{name: "delete where with composite keys", do: func(db *gorm.DB) any {
			return db.Where("price > 5").Delete(&paritySeat{})
		}},
		{name: "delete without a primary key", do: func(db *gorm.DB) any { return db.Where("size > 1").Delete(&parityLine{}) }},
		{name: "delete an instance without a primary key", do: func(db *gorm.DB) any { return db.Delete(&parityLine{"l1", 1}) }},
		{name: "delete with a string key", do: func(db *gorm.DB) any { return db.Delete(&parityWord{Text: "one"}) }},
		{name: "delete where a string key", do: func(db *gorm.DB) any { return db.Delete(&parityWord{}, "text = ?", "one") }},
		{name: "delete string keys", do: func(db *gorm.DB) any { return db.Delete(&parityWord{}, []string{"one", "two"}) }},
		{name: "delete with a key type of its own", do: func(db *gorm.DB) any { return db.Delete(&parityGem{ID: parityID{1}}) }},
		{name: "delete several with a key type of their own", do: func(db *gorm.DB) any {
			return db.Where("name <> 'jade'").Delete(&parityGem{})
		}},
		{name: "delete from another table", table: "parity_olds", do: func(db *gorm.DB) any {
			return db.Table("parity_olds").Where("price > 1").Delete(&parityItem{})
		}},
		{name: "delete an instance from another table", table: "parity_olds", do: func(db *gorm.DB) any {
			return db.Table("parity_olds").Delete(&parityItem{ID: 2})
		}},
		{name: "delete from a table with a reserved name", do: func(db *gorm.DB) any { return db.Delete(&parityOrder{}, 1) }},
		{name: "delete embedded structs", do: func(db *gorm.DB) any {
			return db.Unscoped().Where("city = 'Rome'").Delete(&parityShop{})
		}},
		{name: "delete with a scope", do: func(db *gorm.DB) any {
			return db.Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where("price > 20") }).Delete(&parityItem{})
		}},
		{name: "delete with Omit", do: func(db *gorm.DB) any { return db.Omit("name").Delete(&parityItem{ID: 1}) }},
		{name: "delete using another table", undone: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.From{Tables: []clause.Table{{Name: "parity_items"}, {Name: "parity_olds"}}}).
				Where("parity_olds.id = parity_items.id").Delete(&parityItem{}).Error != nil
		}},
		{name: "delete join rows", do: func(db *gorm.DB) any { return db.Where("parity_user_id = 1").Delete(&parityMember{}) }},
	}
}

func deleteSoftSteps() []parityStep {
	return []parityStep{
		{name: "soft delete", do: func(db *gorm.DB) any { return db.Delete(&parityPage{ID: 1}) }},
		{name: "soft delete by value", undone: true, do: func(db *gorm.DB) any { return db.Delete(parityPage{ID: 1}) }},
		{name: "soft delete an instance that was read", do: func(db *gorm.DB) any {
			var page parityPage
			db.First(&page, 1)
			return []any{db.Delete(&page), page}
		}},
		{name: "soft delete a deleted row", do: func(db *gorm.DB) any { return db.Delete(&parityPage{ID: 4}) }},
		{name: "soft delete by keys", do: func(db *gorm.DB) any { return db.Delete(&parityPage{}, []int{1, 2, 4}) }},
		{name: "soft delete where", do: func(db *gorm.DB) any { return db.Where("views > 1").Delete(&parityPage{}) }},
		{name: "soft delete where or", do: func(db *gorm.DB) any {
			return db.Where("views = 1").Or("views = 4").Delete(&parityPage{})
		}},
		{name: "soft delete a slice", do: func(db *gorm.DB) any {
			pages := []parityPage{{ID: 1}, {ID: 4}, {ID: 5}}
			return []any{db.Delete(&pages), pages}
		}},
		{name: "soft delete, limited", do: func(db *gorm.DB) any {
			return db.Where("views > 0").Order("views desc").Limit(1).Delete(&parityPage{})
		}},
		{name: "soft delete without a condition", do: func(db *gorm.DB) any { return db.Delete(&parityPage{}) }},
		{name: "soft delete everything", do: func(db *gorm.DB) any {
			return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&parityPage{})
		}},
		{name: "delete for good", do: func(db *gorm.DB) any { return db.Unscoped().Delete(&parityPage{ID: 1}) }},
		{name: "delete a soft-deleted row for good", do: func(db *gorm.DB) any {
			return db.Unscoped().Delete(&parityPage{ID: 4})
		}},
		{name: "delete for good where", do: func(db *gorm.DB) any {
			return db.Unscoped().Where("views > 2").Delete(&parityPage{})
		}},
		{name: "delete for good where or", do: func(db *gorm.DB) any {
			return db.Unscoped().Where("views = 1").Or("views = 4").Delete(&parityPage{})
		}},
		{name: "soft delete with result", do: func(db *gorm.DB) any {
			result := gorm.WithResult()
			return []any{db.Clauses(result).Where("views > 0").Delete(&parityPage{}), result.RowsAffected}
		}},
		{name: "soft delete with Model", do: func(db *gorm.DB) any {
			page := parityPage{ID: 1}
			return []any{db.Model(&page).Delete(&parityPage{}), page}
		}},
		{name: "soft delete embedded structs", do: func(db *gorm.DB) any {
			return db.Where("city = 'Rome'").Delete(&parityShop{})
		}},
	}
}
