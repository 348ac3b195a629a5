package parity_test

import (
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/show"
)

// parityGhost has no table.
type parityGhost struct {
	ID   uint
	Name string
}

func errorSteps() []parityStep {
	return []parityStep{
		{name: "duplicate key", undone: true, do: func(db *gorm.DB) any { return db.Create(&parityItem{ID: 1}) }},
		{name: "duplicate unique column", undone: true, do: func(db *gorm.DB) any {
			return db.Create(&parityItem{Code: new("c1")})
		}},
		{name: "duplicate in one batch", undone: true, do: func(db *gorm.DB) any {
			return db.Create(&[]parityItem{{Code: new("z")}, {Code: new("z")}})
		}},
		{name: "foreign key", undone: true, do: func(db *gorm.DB) any { return db.Create(&parityUser{CompanyID: new(uint(99))}) }},
		{name: "foreign key by update", undone: true, do: func(db *gorm.DB) any {
			return db.Model(&parityUser{ID: 1}).Update("company_id", 99)
		}},
		{name: "no table, create", undone: true, do: func(db *gorm.DB) any { return db.Create(&parityGhost{Name: "n"}) }},
		{name: "no table, save", undone: true, do: func(db *gorm.DB) any { return db.Save(&parityGhost{ID: 1, Name: "n"}) }},
		{name: "no table, update", undone: true, do: func(db *gorm.DB) any {
			return db.Model(&parityGhost{ID: 1}).Update("name", "n").Error
		}},
		{name: "no table, delete", undone: true, do: func(db *gorm.DB) any { return db.Delete(&parityGhost{ID: 1}) }},
		{name: "no table, delete where", undone: true, do: func(db *gorm.DB) any {
			return db.Where("name = 'n'").Delete(&parityGhost{})
		}},
		{name: "bad condition", do: func(db *gorm.DB) any {
			return all(db.Model(&parityItem{}).Where("nowhere = 1").Update("name", "n").Error,
				db.Where("price >").Delete(&parityItem{}).Error != nil)
		}},
		{name: "bad condition with a key", do: func(db *gorm.DB) any {
			return db.Where("nowhere = 1").Delete(&parityItem{ID: 1})
		}},
		{name: "bad condition in Save", do: func(db *gorm.DB) any {
			return db.Where("nowhere = 1").Save(&parityItem{ID: 1}).Error
		}},
		{name: "nothing", do: func(db *gorm.DB) any { return all(db.Create(nil), db.Save(nil), db.Delete(nil)) }},
		{name: "no model", do: func(db *gorm.DB) any {
			return all(db.Create(new(5)).Error != nil, db.Delete(new(5)).Error != nil, db.Model(new(5)).Update("a", 1).Error != nil)
		}},
		{name: "updates of a number", do: func(db *gorm.DB) any { return db.Model(&parityItem{ID: 1}).Updates(5) }},
		{name: "an error before", do: func(db *gorm.DB) any {
			tx := db.Session(&gorm.Session{})
			tx.Error = errors.New("before")
			return all(tx.Create(&parityItem{Name: "n"}), tx.Model(&parityItem{ID: 1}).Update("name", "n"), tx.Delete(&parityItem{ID: 1}))
		}},
		{name: "upsert on what is not unique", undone: true, do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("name"), "price")).Create(&parityItem{Name: "a"})
		}},
		{name: "upsert of an unknown column", undone: true, do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("id"), "nowhere")).Create(&parityItem{ID: 1, Name: "a"})
		}},
		{name: "upsert on an unknown column", undone: true, do: func(db *gorm.DB) any {
			return db.Clauses(setting(onKey("nowhere"), "name")).Create(&parityItem{ID: 1, Name: "a"})
		}},
	}
}

// chainSteps continue with a statement that has run already.
func chainSteps() []parityStep {
	return []parityStep{
		{name: "chain after update", do: func(db *gorm.DB) any {
			tx := db.Model(&parityItem{}).Where("price > 20")
			first := show.Statement(tx.Update("name", "n"))
			return all(first, tx.Update("stock", 1))
		}},
		{name: "chain after update of pages", do: func(db *gorm.DB) any {
			tx, n := db.Model(&parityPage{}).Where("views > 2"), int64(0)
			first := show.Statement(tx.Update("title", "n"))
			err := tx.Count(&n).Error
			return all(first, err, n)
		}},
		{name: "two updates of pages in a chain", do: func(db *gorm.DB) any {
			tx := db.Model(&parityPage{}).Where("views > 2")
			first := show.Statement(tx.Update("title", "n"))
			return all(first, tx.Update("title", "m"))
		}},
		{name: "chain after soft delete", do: func(db *gorm.DB) any {
			tx, n := db.Model(&parityPage{}).Where("views > 2"), int64(0)
			first := show.Statement(tx.Delete(&parityPage{}))
			err := tx.Count(&n).Error
			return all(first, err, n)
		}},
		{name: "chain after delete", do: func(db *gorm.DB) any {
			tx, n := db.Model(&parityItem{}).Where("price > 20"), int64(0)
			first := show.Statement(tx.Delete(&parityItem{}))
			err := tx.Count(&n).Error
			return all(first, err, n)
		}},
		{name: "chain after update of an instance", do: func(db *gorm.DB) any {
			item := parityItem{ID: 1}
			tx := db.Model(&item).Update("name", "n")
			return all(tx.Update("stock", 5), item)
		}},
		{name: "chain after create", do: func(db *gorm.DB) any {
			var found []parityItem
			tx := db.Where("price > 40").Create(&parityItem{Name: "n"})
			return all(tx.Find(&found), found)
		}},
		{name: "chain after save", do: func(db *gorm.DB) any {
			item := parityItem{ID: 1, Name: "n"}
			tx := db.Save(&item)
			item.Name = "m"
			return all(tx.Save(&item), item)
		}},
		{name: "chain after upsert", partial: true, do: func(db *gorm.DB) any {
			tx := db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&parityWord{"one", 10})
			return all(tx.Create(&parityWord{"two", 20}))
		}},
		{name: "chain after limit", do: func(db *gorm.DB) any {
			var found []parityItem
			tx := db.Model(&parityItem{}).Where("price > 20").Order("price desc").Limit(2)
			first := show.Statement(tx.Update("name", "n"))
			return all(first, tx.Find(&found).Error, found)
		}},
	}
}
