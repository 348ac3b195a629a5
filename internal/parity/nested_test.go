package parity_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// newUser is a user with one row of every relation, all of them new.
func newUser(name string) *parityUser {
	return &parityUser{
		Name: name, Company: &parityCompany{Name: "new " + name}, Card: &parityCard{Number: "new " + name},
		Posts: []parityPost{{Title: "first " + name}, {Title: "second " + name}}, Tags: []*parityTag{{Name: "new " + name}},
		Clubs: []parityClub{{Name: "new " + name}}, Toys: []parityToy{{Name: "new " + name}},
		Manager: &parityUser{Name: "boss of " + name}, Reports: []parityUser{{Name: "one of " + name}},
	}
}

// oldUser is the first user, read with all its relations.
func oldUser(db *gorm.DB) *parityUser {
	user := &parityUser{}
	db.Preload(clause.Associations).First(user, 1)
	return user
}

func nestedCreateSteps() []parityStep {
	return []parityStep{
		{name: "create with all relations", do: func(db *gorm.DB) any { return db.Create(newUser("dan")) }},
		{name: "create several with all relations", do: func(db *gorm.DB) any {
			return db.Create([]*parityUser{newUser("dan"), newUser("eve")})
		}},
		{name: "create with stored relations", skips: true, do: func(db *gorm.DB) any {
			return db.Create(&parityUser{
				Name: "dan", Company: &parityCompany{ID: 1, Name: "other"}, Tags: []*parityTag{{ID: 1, Name: "other"}, {Name: "new"}},
				Clubs: []parityClub{{ID: 1, Name: "other"}}, Manager: &parityUser{ID: 1, Name: "other"},
			})
		}},
		{name: "create several with one relation", blind: true, do: func(db *gorm.DB) any {
			company := &parityCompany{Name: "shared"}
			return db.Create(&[]parityUser{{Name: "dan", Company: company}, {Name: "eve", Company: company}})
		}},
		{name: "create several with one stored relation", skips: true, do: func(db *gorm.DB) any {
			company := &parityCompany{ID: 2, Name: "shared"}
			return db.Create(&[]parityUser{{Name: "dan", Company: company}, {Name: "eve", Company: company}})
		}},
		{name: "create takes posts and cards over", partial: true, do: func(db *gorm.DB) any {
			return db.Create(&parityUser{
				Name: "dan", Card: &parityCard{ID: 1, Number: "other"}, Posts: []parityPost{{ID: 1, Title: "other"}, {Title: "new"}},
				Toys: []parityToy{{ID: 1, Name: "other"}},
			})
		}},
		{name: "create with Omit of a relation", do: func(db *gorm.DB) any { return db.Omit("Company").Create(newUser("dan")) }},
		{name: "create with Omit of all relations", do: func(db *gorm.DB) any {
			return db.Omit(clause.Associations).Create(newUser("dan"))
		}},
		{name: "create with Omit of many2many rows", skips: true, do: func(db *gorm.DB) any {
			return db.Omit("Tags.*").Create(&parityUser{Name: "dan", Tags: []*parityTag{{ID: 1}, {ID: 3}}})
		}},
	}
}

func nestedCreateMoreSteps() []parityStep {
	return []parityStep{
		{name: "create with Select of a column", do: func(db *gorm.DB) any { return db.Select("Name").Create(newUser("dan")) }},
		{name: "create with Select of a relation", partial: true, do: func(db *gorm.DB) any {
			return db.Select("Name", "Company", "Posts.Title").Create(newUser("dan"))
		}},
		{name: "create with Omit of a column of a relation", undone: true, do: func(db *gorm.DB) any {
			return db.Omit("Posts.Title", "Company.Name").Create(newUser("dan"))
		}},
		{name: "create, relation conflicts", undone: true, do: func(db *gorm.DB) any {
			return db.Create(&parityUser{Name: "dan", Company: &parityCompany{Name: "x"}, ManagerID: new(uint(99))})
		}},
		{name: "create with nested relations", do: func(db *gorm.DB) any {
			return db.Create(&parityUser{Name: "dan", Manager: newUser("eve"), Reports: []parityUser{*newUser("fay")}})
		}},
		{name: "create in a loop of relations", do: func(db *gorm.DB) any {
			user := &parityUser{Name: "dan"}
			user.Manager = &parityUser{Name: "eve", Company: &parityCompany{Name: "c"}}
			return db.Create(user)
		}},
		{name: "create in batches with relations", do: func(db *gorm.DB) any {
			return db.CreateInBatches([]*parityUser{newUser("dan"), newUser("eve"), newUser("fay")}, 2)
		}},
		{name: "upsert with relations", partial: true, skips: true, do: func(db *gorm.DB) any {
			user := newUser("dan")
			user.ID = 1
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(user)
		}},
		{name: "upsert nothing with relations", partial: true, skips: true, do: func(db *gorm.DB) any {
			user := newUser("dan")
			user.ID = 1
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(user)
		}},
	}
}

func nestedSaveSteps() []parityStep {
	full := func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{FullSaveAssociations: true}) }
	return []parityStep{
		{
			name: "save with unchanged relations", resaves: true, skips: true,
			do: func(db *gorm.DB) any { return db.Save(oldUser(db)) },
		},
		{
			name: "save with new relations", resaves: true, skips: true,
			do: func(db *gorm.DB) any {
				user := oldUser(db)
				user.Posts, user.Tags = append(user.Posts, parityPost{Title: "new"}), append(user.Tags, &parityTag{Name: "new"})
				user.Company = &parityCompany{Name: "new"}
				return db.Save(user)
			},
		},
		{name: "save a new row with relations", do: func(db *gorm.DB) any { return db.Save(newUser("dan")) }},
		{name: "save with a key that is not stored, with relations", undone: true, torn: true, do: func(db *gorm.DB) any {
			user := newUser("dan")
			user.ID = 50
			return db.Save(user)
		}},
		{name: "save a slice with relations", skips: true, partial: true, do: func(db *gorm.DB) any {
			user := newUser("dan")
			user.ID = 1
			return db.Save([]*parityUser{user, newUser("eve")})
		}},
		{name: "save relations fully", partial: true, resaves: true, skips: true, do: func(db *gorm.DB) any {
			user := oldUser(db)
			user.Company.Name, user.Posts[0].Title, user.Tags[0].Name, user.Card.Number = "c", "p", "t", "n"
			user.Reports[0].Name = "r"
			return full(db).Save(user)
		}},
		{name: "updates relations fully", partial: true, resaves: true, skips: true, do: func(db *gorm.DB) any {
			user := oldUser(db)
			user.Company.Name, user.Posts[0].Title, user.Clubs[0].Name = "c", "p", "t"
			return full(db).Updates(user)
		}},
	}
}

func nestedSaveMoreSteps() []parityStep {
	full := func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{FullSaveAssociations: true}) }
	return []parityStep{
		{name: "create with relations saved fully", partial: true, skips: true, do: func(db *gorm.DB) any {
			user := newUser("dan")
			user.Company.ID, user.Tags[0].ID, user.Clubs[0].ID = 1, 1, 1
			return full(db).Create(user)
		}},
		{name: "updates with relations", skips: true, do: func(db *gorm.DB) any {
			user := newUser("dan")
			user.ID = 1
			return db.Updates(user)
		}},
		{name: "updates from a struct with relations", skips: true, do: func(db *gorm.DB) any {
			return db.Model(&parityUser{ID: 1}).Updates(newUser("dan"))
		}},
		{name: "update an instance with new relations", skips: true, do: func(db *gorm.DB) any {
			user := newUser("dan")
			user.ID = 1
			return db.Model(user).Update("name", "other")
		}},
		{name: "update a relation in a map", skips: true, do: func(db *gorm.DB) any {
			return db.Model(&parityUser{ID: 3}).Updates(map[string]any{"name": "n", "Company": &parityCompany{Name: "new"}})
		}},
		{name: "update with Select of a relation", skips: true, do: func(db *gorm.DB) any {
			user := newUser("dan")
			user.ID = 1
			return db.Select("Posts").Updates(user)
		}},
		{name: "update where, with relations in the model", skips: true, do: func(db *gorm.DB) any {
			return db.Model(&parityUser{Company: &parityCompany{Name: "new"}}).Where("id > 1").Update("name", "n")
		}},
	}
}

func deleteNestedSteps() []parityStep {
	return []parityStep{
		{name: "delete with has-many", do: func(db *gorm.DB) any { return db.Select("Posts").Delete(&parityUser{ID: 3}) }},
		{name: "delete with has-one and has-many", undone: true, torn: true, do: func(db *gorm.DB) any {
			return db.Select("Posts", "Card").Delete(&parityUser{ID: 1})
		}},
		{name: "delete with all relations", undone: true, torn: true, do: func(db *gorm.DB) any {
			return db.Select(clause.Associations).Delete(&parityUser{ID: 2})
		}},
		{name: "delete with all relations, for good", do: func(db *gorm.DB) any {
			return db.Unscoped().Select("Posts", "Card", "Tags", "Clubs", "Toys").Delete(&parityUser{ID: 2})
		}},
		{name: "delete several with relations", do: func(db *gorm.DB) any {
			return db.Unscoped().Select("Posts", "Card", "Tags", "Clubs").Delete(&[]parityUser{{ID: 2}, {ID: 3}})
		}},
		{name: "delete with relations of relations", undone: true, torn: true, do: func(db *gorm.DB) any {
			return db.Select("Reports", "Reports.Card", "Posts").Delete(&parityUser{ID: 1})
		}},
		{name: "delete with relations where", do: func(db *gorm.DB) any {
			return db.Select("Posts").Where("name = ?", "cyd").Delete(&parityUser{})
		}},
		{name: "delete with relations of a key, where it does not hold", do: func(db *gorm.DB) any {
			return db.Select("Posts").Where("name = ?", "no").Delete(&parityUser{ID: 1})
		}},
	}
}
