package parity_test

import (
	"gorm.io/gorm"
)

// linked is a stored user and one of its relations.
func linked(db *gorm.DB, relation string) (*parityUser, *gorm.Association) {
	user := &parityUser{}
	db = db.Session(&gorm.Session{})
	db.First(user, 1)
	return user, db.Model(user).Association(relation)
}

func associationSteps() []parityStep {
	return []parityStep{
		{name: "append to has-many", do: func(db *gorm.DB) any {
			user, posts := linked(db, "Posts")
			return []any{posts.Append(&parityPost{Title: "new"}), user}
		}},
		{name: "append stored rows to has-many", partial: true, do: func(db *gorm.DB) any {
			user, posts := linked(db, "Posts")
			return []any{posts.Append([]parityPost{{ID: 3, Title: "x3"}, {Title: "new"}}), user}
		}},
		{name: "replace has-many", quiet: "parity_posts", do: func(db *gorm.DB) any {
			user, posts := linked(db, "Posts")
			return []any{posts.Replace(&parityPost{Title: "new"}), user}
		}},
		{name: "delete from has-many", quiet: "parity_posts", do: func(db *gorm.DB) any {
			user, posts := linked(db, "Posts")
			return []any{posts.Delete(&parityPost{ID: 1}), user}
		}},
		{name: "clear has-many", quiet: "parity_posts", do: func(db *gorm.DB) any {
			user, posts := linked(db, "Posts")
			return []any{posts.Clear(), user}
		}},
		{name: "clear has-many, unscoped", do: func(db *gorm.DB) any {
			user, posts := linked(db, "Posts")
			return []any{posts.Unscoped().Clear(), user}
		}},
		{name: "clear has-many for good", do: func(db *gorm.DB) any {
			user, posts := linked(db.Unscoped(), "Posts")
			return []any{posts.Unscoped().Clear(), user}
		}},
		{name: "delete from has-many, unscoped", do: func(db *gorm.DB) any {
			user, posts := linked(db, "Posts")
			return []any{posts.Unscoped().Delete(&parityPost{ID: 1}), user}
		}},
		{name: "append to belongs-to", do: func(db *gorm.DB) any {
			user, company := linked(db, "Company")
			return []any{company.Append(&parityCompany{Name: "new"}), user}
		}},
		{name: "append a stored row to belongs-to", do: func(db *gorm.DB) any {
			user, company := linked(db, "Company")
			return []any{company.Append(&parityCompany{ID: 2, Name: "other"}), user}
		}},
		{name: "replace belongs-to", do: func(db *gorm.DB) any {
			user, company := linked(db, "Company")
			return []any{company.Replace(&parityCompany{Name: "new"}), user}
		}},
	}
}

func associationMoreSteps() []parityStep {
	return []parityStep{
		{name: "clear belongs-to", quiet: "parity_users", do: func(db *gorm.DB) any {
			user, company := linked(db, "Company")
			return []any{company.Clear(), user}
		}},
		{name: "delete belongs-to", quiet: "parity_users", do: func(db *gorm.DB) any {
			user, company := linked(db, "Company")
			return []any{company.Delete(&parityCompany{ID: 1}), user}
		}},
		{name: "append to has-one", quiet: "parity_cards", do: func(db *gorm.DB) any {
			user, card := linked(db, "Card")
			return []any{card.Append(&parityCard{Number: "new"}), user}
		}},
		{name: "replace has-one, unscoped", do: func(db *gorm.DB) any {
			user, card := linked(db, "Card")
			return []any{card.Unscoped().Replace(&parityCard{Number: "new"}), user}
		}},
		{name: "append to has-many of itself", do: func(db *gorm.DB) any {
			user, reports := linked(db, "Reports")
			return []any{reports.Append(&parityUser{Name: "new"}), user}
		}},
		{name: "append to polymorphic has-many", do: func(db *gorm.DB) any {
			user, toys := linked(db, "Toys")
			return []any{toys.Append(&parityToy{Name: "new"}), user}
		}},
		{name: "append maps to has-many", do: func(db *gorm.DB) any {
			user, posts := linked(db, "Posts")
			return []any{posts.Append(map[string]any{"title": "mapped"}), user}
		}},
		{name: "find and count", silent: true, do: func(db *gorm.DB) any {
			_, posts := linked(db, "Posts")
			var found []parityPost
			return []any{posts.Count(), posts.Find(&found), found}
		}},
		{name: "an association that does not exist", silent: true, do: func(db *gorm.DB) any {
			_, none := linked(db, "Nobody")
			return none.Append(&parityPost{})
		}},
		{name: "append to several owners", do: func(db *gorm.DB) any {
			users := []parityUser{{ID: 1, Name: "ann"}, {ID: 2, Name: "bob"}}
			return []any{db.Model(&users).Association("Posts").Append(&parityPost{Title: "a"}, &parityPost{Title: "b"}), users}
		}},
	}
}

func associationLinkSteps() []parityStep {
	return []parityStep{
		{name: "append to many2many", skips: true, do: func(db *gorm.DB) any {
			user, tags := linked(db, "Tags")
			return []any{tags.Append([]*parityTag{{ID: 3, Name: "t3"}, {Name: "new"}}), user}
		}},
		{name: "replace many2many", skips: true, do: func(db *gorm.DB) any {
			user, tags := linked(db, "Tags")
			return []any{tags.Replace(&parityTag{ID: 3, Name: "t3"}, &parityTag{ID: 2, Name: "t2"}), user}
		}},
		{name: "delete from many2many", do: func(db *gorm.DB) any {
			user, tags := linked(db, "Tags")
			return []any{tags.Delete(&parityTag{ID: 1}), user}
		}},
		{name: "clear many2many", do: func(db *gorm.DB) any {
			user, tags := linked(db, "Tags")
			return []any{tags.Clear(), user}
		}},
		{name: "append maps to many2many", skips: true, do: func(db *gorm.DB) any {
			user, tags := linked(db, "Tags")
			return []any{tags.Append(map[string]any{"name": "mapped"}), user}
		}},
		{name: "append through a join model", skips: true, do: func(db *gorm.DB) any {
			user, clubs := linked(db, "Clubs")
			return []any{clubs.Append(&parityClub{ID: 3, Name: "k3"}, &parityClub{Name: "new"}), user}
		}},
		{name: "append what is linked through a join model", skips: true, do: func(db *gorm.DB) any {
			user, clubs := linked(db, "Clubs")
			return []any{clubs.Append(&parityClub{ID: 1, Name: "k1"}), user}
		}},
		{name: "replace through a join model", skips: true, do: func(db *gorm.DB) any {
			user, clubs := linked(db, "Clubs")
			return []any{clubs.Replace(&parityClub{ID: 3, Name: "k3"}), user}
		}},
		{name: "delete through a join model", do: func(db *gorm.DB) any {
			user, clubs := linked(db, "Clubs")
			return []any{clubs.Delete(&parityClub{ID: 1}), user}
		}},
		{name: "clear through a join model", do: func(db *gorm.DB) any {
			user, clubs := linked(db, "Clubs")
			return []any{clubs.Clear(), user}
		}},
		{name: "clear many2many of several owners", do: func(db *gorm.DB) any {
			users := []parityUser{{ID: 1}, {ID: 2}}
			return []any{db.Model(&users).Association("Clubs").Clear(), users}
		}},
	}
}

func firstOrCreateSteps() []parityStep {
	where := func(db *gorm.DB, name string) *gorm.DB { return db.Where(parityItem{Name: name}) }
	return []parityStep{
		{name: "first or create, found", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{where(db, "a").FirstOrCreate(&item), item}
		}},
		{name: "first or create, not found", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{where(db, "new").FirstOrCreate(&item), item}
		}},
		{name: "first or create with a condition", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{db.FirstOrCreate(&item, parityItem{Name: "new", Price: 3}), item}
		}},
		{name: "first or create with a map", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{db.FirstOrCreate(&item, map[string]any{"name": "new", "price": 3}), item}
		}},
		{name: "attrs, found", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{where(db, "a").Attrs(parityItem{Price: 77}).FirstOrCreate(&item), item}
		}},
		{name: "attrs, not found", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{where(db, "new").Attrs(parityItem{Price: 77}).FirstOrCreate(&item), item}
		}},
		{name: "assign, found", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{where(db, "a").Assign(parityItem{Price: 77}).FirstOrCreate(&item), item}
		}},
		{name: "assign a map, found", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{where(db, "a").Assign(map[string]any{"price": 0, "stock": 5}).FirstOrCreate(&item), item}
		}},
		{name: "assign, not found", do: func(db *gorm.DB) any {
			var item parityItem
			return []any{where(db, "new").Assign(parityItem{Price: 77}).FirstOrCreate(&item), item}
		}},
		{name: "assign a soft-deleted row", undone: true, do: func(db *gorm.DB) any {
			var page parityPage
			return []any{db.Where(parityPage{Slug: "s4"}).Assign(parityPage{Title: "n"}).FirstOrCreate(&page), page}
		}},
		{name: "first or init", silent: true, do: func(db *gorm.DB) any {
			var item parityItem
			return []any{where(db, "new").Assign(parityItem{Price: 77}).FirstOrInit(&item), item}
		}},
		{name: "assign an expression, found", do: func(db *gorm.DB) any {
			var cry parityCry
			return []any{db.Where("loud = 1").Assign(parityCry{Text: "louder"}).FirstOrCreate(&cry), cry}
		}},
	}
}
