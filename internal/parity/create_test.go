package parity_test

import (
	"database/sql"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/show"
)

func createSteps() []parityStep {
	return []parityStep{
		{name: "create", do: func(db *gorm.DB) any { return db.Create(&parityItem{Name: "n", Price: 1}) }},
		{name: "create with key", do: func(db *gorm.DB) any { return db.Create(&parityItem{ID: 70, Name: "n"}) }},
		{name: "create with all values", do: func(db *gorm.DB) any {
			return db.Create(&parityItem{
				ID: 71, Name: "n", Code: new("c71"), Price: 7, Stock: 7, Note: sql.NullString{String: "note", Valid: true},
				CreatedAt: parityStart, UpdatedAt: parityStart,
			})
		}},
		{name: "create by value", do: func(db *gorm.DB) any { return db.Create(parityWord{Text: "val", Count: 1}) }},
		{name: "create by value with hooks", do: func(db *gorm.DB) any { return db.Create(parityHooked{ID: 70}) }},
		{name: "create a pointer to a pointer", do: func(db *gorm.DB) any { return db.Create(new(&parityItem{Name: "n"})) }},
		{name: "create with Model", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Create(&parityItem{Name: "n"})
		}},
		{name: "create with Select", partial: true, do: func(db *gorm.DB) any {
			return db.Select("Name", "Price").Create(&parityItem{Name: "n", Price: 2, Stock: 3})
		}},
		{name: "create with Select by column", partial: true, do: func(db *gorm.DB) any {
			return db.Select("name", "stock").Create(&[]parityItem{{Name: "n", Price: 2, Stock: 3}, {Name: "m"}})
		}},
		{name: "create with Omit", partial: true, do: func(db *gorm.DB) any {
			return db.Omit("Price", "CreatedAt").Create(&parityItem{Name: "n", Price: 2, Stock: 3})
		}},
		{name: "create in another table", table: "parity_olds", partial: true, do: func(db *gorm.DB) any {
			return db.Table("parity_olds").Create(&parityItem{Name: "old"})
		}},
		{name: "create with Returning", do: func(db *gorm.DB) any {
			return db.Clauses(clause.Returning{}).Create(&parityItem{Name: "n"})
		}},
	}
}

func createMoreSteps() []parityStep {
	return []parityStep{
		{name: "create with Returning of a column", blind: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.Returning{Columns: []clause.Column{{Name: "name"}}}).Create(&parityItem{Name: "n"})
		}},
		{name: "create or ignore", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.Insert{Modifier: "OR IGNORE"}).Create(&parityItem{Name: "n", Code: new("c1")})
		}},
		{name: "create or ignore, several", skips: true, do: func(db *gorm.DB) any {
			return db.Clauses(clause.Insert{Modifier: "OR IGNORE"}).
				Create(&[]parityWord{{"one", 9}, {"four", 4}, {"two", 8}})
		}},
		{name: "create with an instance that was read", do: func(db *gorm.DB) any {
			var item parityItem
			db.First(&item, 2)
			item.ID, item.Code = 0, nil
			return db.Create(&item)
		}},
		{name: "create twice with one struct", do: func(db *gorm.DB) any {
			item := parityItem{Name: "n"}
			first := show.Statement(db.Create(&item))
			item.ID = 0
			return []any{first, db.Create(&item)}
		}},
		{name: "create with result", do: func(db *gorm.DB) any {
			result := gorm.WithResult()
			return []any{db.Clauses(result).Create(&parityItem{Name: "n"}), result.RowsAffected}
		}},
	}
}

func createListSteps() []parityStep {
	three := func() []parityItem { return []parityItem{{Name: "x"}, {Name: "y", ID: 90}, {Name: "z"}} }
	pointers := func() []*parityItem { return []*parityItem{{Name: "x"}, {Name: "y", Code: new("cy")}, {Name: "z"}} }
	words := func() []parityWord { return []parityWord{{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}, {"e", 5}} }
	return []parityStep{
		{name: "create a slice", do: func(db *gorm.DB) any { return db.Create(new([]parityItem{{Name: "x"}, {Name: "y"}})) }},
		{name: "create a slice with some keys", do: func(db *gorm.DB) any { return db.Create(new(three())) }},
		{name: "create a slice by value", do: func(db *gorm.DB) any { return db.Create(pointers()) }},
		{name: "create a slice of values by value", do: func(db *gorm.DB) any { return db.Create(words()) }},
		{name: "create a slice of pointers", do: func(db *gorm.DB) any { return db.Create(new(pointers())) }},
		{name: "create an array", do: func(db *gorm.DB) any {
			return db.Create(&[2]parityItem{{Name: "x"}, {Name: "y"}})
		}},
		{name: "create an array of pointers", do: func(db *gorm.DB) any {
			return db.Create(&[2]*parityItem{{Name: "x"}, {Name: "y"}})
		}},
		{name: "create an array by value", do: func(db *gorm.DB) any {
			return db.Create([2]parityWord{{"x", 1}, {"y", 2}})
		}},
		{name: "create an array of pointers by value", do: func(db *gorm.DB) any {
			return db.Create([2]*parityItem{{Name: "x"}, {Name: "y"}})
		}},
		{name: "create in batches", do: func(db *gorm.DB) any { return db.CreateInBatches(new(words()), 2) }},
		{name: "create in batches by value", do: func(db *gorm.DB) any { return db.CreateInBatches(pointers(), 2) }},
		{name: "create in one batch", do: func(db *gorm.DB) any { return db.CreateInBatches(pointers(), 100) }},
		{name: "create in batches, one struct", do: func(db *gorm.DB) any {
			return db.CreateInBatches(&parityItem{Name: "n"}, 2)
		}},
		{name: "create in batches, a bad one last", undone: true, do: func(db *gorm.DB) any {
			return db.CreateInBatches([]parityWord{{"a", 1}, {"b", 2}, {"one", 3}}, 2)
		}},
		{name: "create batch size", do: func(db *gorm.DB) any {
			return db.Session(&gorm.Session{CreateBatchSize: 2}).Create(new(words()))
		}},
		{name: "create no rows", do: func(db *gorm.DB) any { return db.Create(&[]parityItem{}) }},
		{name: "create no rows in batches", do: func(db *gorm.DB) any { return db.CreateInBatches(&[]parityItem{}, 2) }},
		{name: "create a slice with nil", undone: true, do: func(db *gorm.DB) any {
			return db.Create([]*parityItem{{Name: "x"}, nil})
		}},
		{name: "create a nil pointer", do: func(db *gorm.DB) any { return db.Create((*parityItem)(nil)) }},
	}
}

func createShapeSteps() []parityStep {
	return []parityStep{
		{name: "create with composite key", do: func(db *gorm.DB) any { return db.Create(&paritySeat{"C", 1, true, 9}) }},
		{name: "create several with composite keys", do: func(db *gorm.DB) any {
			return db.Create(&[]paritySeat{{"C", 1, true, 9}, {"C", 2, false, 8}})
		}},
		{name: "create with embedded structs", do: func(db *gorm.DB) any {
			return db.Create(&parityShop{
				Name: "three", Main: parityAddress{"Paris", "4"}, Billing: &parityAddress{"Lyon", "5"}, Labels: []string{"z"},
				Hours: map[string]int{"tue": 9}, Opened: 1710000000, Rent: parityMoney{300}, Fee: &parityMoney{3}, Blob: []byte{1, 2},
			})
		}},
		{name: "create with empty embedded structs", partial: true, do: func(db *gorm.DB) any {
			return db.Create(&[]parityShop{{Name: "four"}, {Name: "five", Billing: &parityAddress{}}})
		}},
		{name: "create without a primary key", do: func(db *gorm.DB) any { return db.Create(&parityLine{"l4", 4}) }},
		{name: "create several without a primary key", do: func(db *gorm.DB) any {
			return db.Create(&[]parityLine{{"l4", 4}, {"l5", 5}})
		}},
		{name: "create with defaults", do: func(db *gorm.DB) any { return db.Create(&parityPref{}) }},
		{name: "create with some defaults", do: func(db *gorm.DB) any {
			return db.Create(&parityPref{Level: 5, On: new(false)})
		}},
		{name: "create several with defaults", do: func(db *gorm.DB) any { return db.Create(&[]parityPref{{}, {}}) }},
		{name: "create several, not all with defaults", undone: true, do: func(db *gorm.DB) any {
			return db.Create(&[]parityPref{{Seven: 1}, {}})
		}},
		{name: "create with column permissions", partial: true, do: func(db *gorm.DB) any {
			return db.Create(&parityOdd{Name: "new", Once: "o", Later: "l", Twice: 5, Hidden: "h"})
		}},
		{name: "create in a table with a reserved name", do: func(db *gorm.DB) any {
			return db.Create(&parityOrder{Group: "g3"})
		}},
		{name: "create with a key type of its own", do: func(db *gorm.DB) any {
			return db.Create(&[]parityGem{{parityID{4}, "onyx"}, {parityID{5, 1}, "topaz"}})
		}},
		{name: "create with values that the database computes", partial: true, do: func(db *gorm.DB) any {
			return db.Create(&parityCry{Text: "hello"})
		}},
		{name: "create a join row by hand", do: func(db *gorm.DB) any {
			return db.Create(&parityMember{ParityUserID: 3, ParityClubID: 3})
		}},
		{name: "create with soft delete", do: func(db *gorm.DB) any { return db.Create(&parityPage{Title: "p6", Slug: "s6"}) }},
		{name: "create a deleted row", do: func(db *gorm.DB) any {
			deleted := gorm.DeletedAt{Time: parityStart, Valid: true}
			return db.Create(&parityPage{Title: "p6", Slug: "s6", DeletedAt: deleted})
		}},
	}
}
