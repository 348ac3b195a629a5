package parity_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// all combines several results of a call.
func all(values ...any) any { return values }

func genericSteps() []parityStep {
	return []parityStep{
		{name: "G create", do: func(db *gorm.DB) any {
			item := parityItem{Name: "n"}
			return all(gorm.G[parityItem](db).Create(db.Statement.Context, &item), item)
		}},
		{name: "G create with result", do: func(db *gorm.DB) any {
			item, result := parityItem{Name: "n"}, gorm.WithResult()
			err := gorm.G[parityItem](db, result).Create(db.Statement.Context, &item)
			return all(err, item, result.RowsAffected, result.Error)
		}},
		{name: "G create in batches", do: func(db *gorm.DB) any {
			words, result := []parityWord{{"a", 1}, {"b", 2}, {"c", 3}}, gorm.WithResult()
			return all(gorm.G[parityWord](db, result).CreateInBatches(db.Statement.Context, &words, 2), words, result.RowsAffected)
		}},
		{name: "G create with Select", partial: true, do: func(db *gorm.DB) any {
			item := parityItem{Name: "n", Price: 4, Stock: 4}
			return all(gorm.G[parityItem](db).Select("Name", "Price").Create(db.Statement.Context, &item), item)
		}},
		{name: "G create with Omit", partial: true, do: func(db *gorm.DB) any {
			item := parityItem{Name: "n", Price: 4, Stock: 4}
			return all(gorm.G[parityItem](db).Omit("Price").Create(db.Statement.Context, &item), item)
		}},
		{name: "G create in another table", table: "parity_olds", do: func(db *gorm.DB) any {
			return gorm.G[parityItem](db).Table("parity_olds").Create(db.Statement.Context, &parityItem{ID: 70, Name: "n"})
		}},
		{name: "G upsert nothing", skips: true, do: func(db *gorm.DB) any {
			item := parityItem{ID: 1, Name: "n"}
			return all(gorm.G[parityItem](db, nothing(onKey())).Create(db.Statement.Context, &item), item)
		}},
		{name: "G upsert a column", partial: true, do: func(db *gorm.DB) any {
			item := parityItem{ID: 1, Name: "n"}
			return all(gorm.G[parityItem](db, setting(onKey("id"), "name")).Create(db.Statement.Context, &item), item)
		}},
		{name: "G update", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("price > ?", 20).Update(db.Statement.Context, "name", "n"))
		}},
		{name: "G update to an expression", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("id = ?", 1).Update(db.Statement.Context, "price", gorm.Expr("price + 1")))
		}},
		{name: "G update without a condition", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Update(db.Statement.Context, "name", "n"))
		}},
		{name: "G update with hooks", undone: true, do: func(db *gorm.DB) any {
			return all(gorm.G[parityHooked](db).Where("id > ?", 1).Update(db.Statement.Context, "name", "n"))
		}},
	}
}

func genericMoreSteps() []parityStep {
	return []parityStep{
		{name: "G updates", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("price > ?", 20).Updates(db.Statement.Context, parityItem{Name: "n", Stock: 3}))
		}},
		{name: "G updates with a key", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("price > ?", 0).Updates(db.Statement.Context, parityItem{ID: 2, Name: "n"}))
		}},
		{name: "G updates with Select", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("id = ?", 1).Select("Name", "Price").Updates(db.Statement.Context, parityItem{Name: "n"}))
		}},
		{name: "G updates with Select of all", do: func(db *gorm.DB) any {
			return all(gorm.G[parityWord](db).Where("text = ?", "one").Select("*").Updates(db.Statement.Context, parityWord{Text: "uno"}))
		}},
		{name: "G updates with Omit", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("id = ?", 1).Omit("Name").
				Updates(db.Statement.Context, parityItem{Name: "n", Price: 2}))
		}},
		{name: "G updates with hooks", undone: true, do: func(db *gorm.DB) any {
			return all(gorm.G[parityHooked](db).Where("id > ?", 1).Updates(db.Statement.Context, parityHooked{Name: "n"}))
		}},
		{name: "G updates of a map", silent: true, quiet: "parity_items", do: func(db *gorm.DB) any {
			return all(gorm.G[map[string]any](db).Table("parity_items").Where("id = ?", 1).
				Updates(db.Statement.Context, map[string]any{"name": "n"}))
		}},
		{name: "G delete", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("price > ?", 20).Delete(db.Statement.Context))
		}},
		{name: "G delete without a condition", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Delete(db.Statement.Context))
		}},
		{name: "G soft delete", do: func(db *gorm.DB) any {
			return all(gorm.G[parityPage](db).Where("views > ?", 1).Delete(db.Statement.Context))
		}},
		{name: "G delete with scopes", do: func(db *gorm.DB) any {
			unscoped := func(stmt *gorm.Statement) { stmt.Unscoped = true }
			return all(gorm.G[parityPage](db).Scopes(unscoped).Where("views > ?", 1).Delete(db.Statement.Context))
		}},
		{name: "G exec", silent: true, quiet: "parity_items", do: func(db *gorm.DB) any {
			return gorm.G[parityItem](db).Exec(db.Statement.Context, "UPDATE parity_items SET name = 'n' WHERE id = 1")
		}},
		{name: "G of pointers", do: func(db *gorm.DB) any {
			item := &parityItem{Name: "n"}
			return all(gorm.G[*parityItem](db).Create(db.Statement.Context, &item), item)
		}},
	}
}

func genericSetSteps() []parityStep {
	set := func(column string, value any) clause.Assigner {
		return clause.Assignment{Column: clause.Column{Name: column}, Value: value}
	}
	return []parityStep{
		{name: "G set create", do: func(db *gorm.DB) any {
			return gorm.G[parityItem](db).Set(set("name", "n"), set("price", 3)).Create(db.Statement.Context)
		}},
		{name: "G set create by field names", do: func(db *gorm.DB) any {
			return gorm.G[parityShop](db).Set(set("Name", "n"), set("Labels", `["l"]`), set("Rent", parityMoney{1})).
				Create(db.Statement.Context)
		}},
		{name: "G set update", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("price > ?", 20).Set(set("name", "n"), set("price", 3)).Update(db.Statement.Context))
		}},
		{name: "G set update to an expression", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("id = ?", 1).Set(set("price", gorm.Expr("price * 2"))).Update(db.Statement.Context))
		}},
		{name: "G set update to a column", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("id > ?", 1).Set(set("price", clause.Column{Name: "stock"})).
				Update(db.Statement.Context))
		}},
		{name: "G set update without a condition", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Set(set("name", "n")).Update(db.Statement.Context))
		}},
		{name: "G set update of no row", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("id = ?", 99).Set(set("name", "n")).Update(db.Statement.Context))
		}},
		{name: "G set update of live pages", do: func(db *gorm.DB) any {
			return all(gorm.G[parityPage](db).Where("views > ?", 1).Set(set("title", "n")).Update(db.Statement.Context))
		}},
		{name: "G set update of a serialized column", do: func(db *gorm.DB) any {
			return all(gorm.G[parityShop](db).Where("id = ?", 1).Set(set("labels", `["s"]`), set("rent", parityMoney{3})).
				Update(db.Statement.Context))
		}},
		{name: "G set update below the average", do: func(db *gorm.DB) any {
			return all(gorm.G[parityItem](db).Where("price < (SELECT AVG(price) FROM parity_items)").Set(set("price", 1000)).
				Update(db.Statement.Context))
		}},
		{name: "clauses set by hand", do: func(db *gorm.DB) any {
			return db.Model(&parityItem{}).Where("price > 20").
				Clauses(clause.Set{{Column: clause.Column{Name: "name"}, Value: "n"}}).Updates(map[string]any{})
		}},
	}
}

func genericAssociationSteps() []parityStep {
	link := func(name string, kind clause.AssociationOpType, values ...any) clause.Association {
		return clause.Association{Association: name, Type: kind, Values: values}
	}
	run := func(db *gorm.DB, op clause.Association) any {
		return all(gorm.G[parityUser](db).Where("id = ?", 1).Set(op).Update(db.Statement.Context))
	}
	title := []clause.Assignment{{Column: clause.Column{Name: "title"}, Value: "set"}}
	name := []clause.Assignment{{Column: clause.Column{Name: "name"}, Value: "set"}}
	return []parityStep{
		{name: "G association create", do: func(db *gorm.DB) any {
			return run(db, link("Posts", clause.OpCreate, &parityPost{Title: "new"}))
		}},
		{name: "G association create from assignments", do: func(db *gorm.DB) any {
			return run(db, clause.Association{Association: "Posts", Type: clause.OpCreate, Set: title})
		}},
		{name: "G association create belongs-to", do: func(db *gorm.DB) any {
			return run(db, link("Company", clause.OpCreate, &parityCompany{Name: "new"}))
		}},
		{name: "G association create many2many", do: func(db *gorm.DB) any {
			return run(db, link("Tags", clause.OpCreate, &parityTag{Name: "new"}))
		}},
		{name: "G association unlink has-many", do: func(db *gorm.DB) any { return run(db, link("Posts", clause.OpUnlink)) }},
		{name: "G association unlink belongs-to", do: func(db *gorm.DB) any { return run(db, link("Company", clause.OpUnlink)) }},
		{name: "G association unlink many2many", do: func(db *gorm.DB) any { return run(db, link("Tags", clause.OpUnlink)) }},
		{name: "G association unlink a join model", do: func(db *gorm.DB) any { return run(db, link("Clubs", clause.OpUnlink)) }},
		{name: "G association delete has-many", do: func(db *gorm.DB) any { return run(db, link("Posts", clause.OpDelete)) }},
		{name: "G association delete has-one", do: func(db *gorm.DB) any { return run(db, link("Card", clause.OpDelete)) }},
		{name: "G association update has-many", do: func(db *gorm.DB) any {
			return run(db, clause.Association{Association: "Posts", Type: clause.OpUpdate, Set: title})
		}},
		{name: "G association update belongs-to", do: func(db *gorm.DB) any {
			return run(db, clause.Association{Association: "Company", Type: clause.OpUpdate, Set: name})
		}},
		{name: "G association update many2many", silent: true, quiet: "parity_tags", do: func(db *gorm.DB) any {
			return run(db, clause.Association{Association: "Tags", Type: clause.OpUpdate, Set: name})
		}},
	}
}
