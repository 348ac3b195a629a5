package gormdocs_test

import (
	"slices"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestSendsWhatTheUpdatePageWrites follows https://gorm.io/docs/update.html.
func TestSendsWhatTheUpdatePageWrites(t *testing.T) {
	t.Parallel()
	runDocs(t, slices.Concat(docsUpdateCases(), docsUpdateMoreCases(), docsBatchUpdateCases(), docsBatchUpdateMoreCases()))
}

func docsUpdateCases() []docsCase {
	return []docsCase{
		{"save all fields", func(db *gorm.DB) error {
			var user docsUser
			db.First(&user)
			user.Name, user.Age = "hello", 100
			return db.Save(&user).Error
		}, nil, `saves update user 1 hello 100`},
		{"save without a primary key", func(db *gorm.DB) error { return db.Save(&docsUser{Name: "dan", Age: 100}).Error }, nil, `
			pre_save create user 0 dan 100
			post_save create user 4 dan 100`},
		{
			"save with a primary key", func(db *gorm.DB) error { return db.Save(&docsUser{ID: 1, Name: "dan", Age: 100}).Error },
			nil, `saves update user 1 dan 100`,
		},
		{"save with a primary key that is not stored", func(db *gorm.DB) error {
			return db.Save(&docsUser{ID: 9, Name: "dan", Age: 100}).Error
		}, nil, `saves create user 9 dan 100`},
		{"select all and updates with a key that is not stored", func(db *gorm.DB) error {
			return db.Select("*").Updates(&docsUser{ID: 9, Name: "dan"}).Error
		}, nil, ""},
		{"update with conditions", func(db *gorm.DB) error {
			return db.Model(&docsUser{}).Where("active = ?", true).Update("name", "hello").Error
		}, nil, `saves update user 1 hello 18`},
		{
			"update by the model's key", func(db *gorm.DB) error { return db.Model(&docsUser{ID: 2}).Update("name", "hello").Error },
			nil, `saves update user 2 hello 20`,
		},
		{"update with conditions and model value", func(db *gorm.DB) error {
			return db.Model(&docsUser{ID: 1}).Where("active = ?", true).Update("name", "hello").Error
		}, nil, `saves update user 1 hello 18`},
		{"update with conditions that do not hold", func(db *gorm.DB) error {
			return db.Model(&docsUser{ID: 2}).Where("active = ?", true).Update("name", "hello").Error
		}, nil, ""},
	}
}

func docsUpdateMoreCases() []docsCase {
	three := map[string]any{"name": "hello", "age": 50, "active": false}
	return []docsCase{
		{"updates with struct", func(db *gorm.DB) error {
			return db.Model(&docsUser{ID: 1}).Updates(docsUser{Name: "hello", Age: 50, Active: false}).Error
		}, nil, `saves update user 1 hello 50`},
		{
			"updates with map", func(db *gorm.DB) error { return db.Model(&docsUser{ID: 1}).Updates(three).Error },
			nil, `saves update user 1 hello 50`,
		},
		{
			"select with map", func(db *gorm.DB) error { return db.Model(&docsUser{ID: 1}).Select("name").Updates(three).Error },
			nil, `saves update user 1 hello 18`,
		},
		{
			"omit with map", func(db *gorm.DB) error { return db.Model(&docsUser{ID: 1}).Omit("name").Updates(three).Error },
			nil, `saves update user 1 ann 50`,
		},
		{"select with struct", func(db *gorm.DB) error {
			return db.Model(&docsUser{ID: 1}).Select("Name", "Age").Updates(docsUser{Name: "new_name", Age: 0}).Error
		}, nil, `saves update user 1 new_name 0`},
		{"select all fields", func(db *gorm.DB) error {
			return db.Model(&docsUser{ID: 1}).Select("*").Updates(docsUser{ID: 1, Name: "new_name", Role: "admin"}).Error
		}, nil, `saves update user 1 new_name 0`},
		{"select all fields but omit one", func(db *gorm.DB) error {
			return db.Model(&docsUser{ID: 1}).Select("*").Omit("Age").Updates(docsUser{ID: 1, Name: "new_name"}).Error
		}, nil, `saves update user 1 new_name 18`},
		{
			"update hooks", func(db *gorm.DB) error { return db.Model(&docsHooked{ID: 1}).Update("name", "hello").Error },
			nil, `saves update hooked 1 hello 40`,
		},
	}
}

func docsBatchUpdateCases() []docsCase {
	two := `
		pre_save update user 1 hello 18
		pre_save update user 2 hello 18
		post_save update user 1 hello 18
		post_save update user 2 hello 18`
	names := `
		pre_save update user 1 hello 18
		pre_save update user 2 hello 20
		pre_save update user 3 hello 30
		post_save update user 1 hello 18
		post_save update user 2 hello 20
		post_save update user 3 hello 30`
	return []docsCase{
		{"batch update with struct", func(db *gorm.DB) error {
			return db.Model(docsUser{}).Where("role = ?", "admin").Updates(docsUser{Name: "hello", Age: 18}).Error
		}, nil, two},
		{"batch update of a table with map", func(db *gorm.DB) error {
			return db.Table("docs_users").Where("id IN ?", []int{1, 2}).Updates(map[string]any{"name": "hello", "age": 18}).Error
		}, nil, ""},
		{
			"block global updates", func(db *gorm.DB) error { return db.Model(&docsUser{}).Update("name", "hello").Error },
			gorm.ErrMissingWhereClause, "",
		},
		{"global update by a condition", func(db *gorm.DB) error {
			return db.Model(&docsUser{}).Where("1 = 1").Update("name", "hello").Error
		}, nil, names},
		{"global update by raw SQL", func(db *gorm.DB) error {
			return db.Exec("UPDATE docs_users SET name = ?", "hello").Error
		}, nil, ""},
		{"AllowGlobalUpdate", func(db *gorm.DB) error {
			return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&docsUser{}).Update("name", "hello").Error
		}, nil, names},
		{"update with SQL expression", func(db *gorm.DB) error {
			return db.Model(&docsProduct{ID: 1}).Update("price", gorm.Expr("price * ? + ?", 2, 100)).Error
		}, nil, `
			pre_save update product 1 c1 10 5
			post_save update product 1 c1 120 5`},
		{"updates with SQL expression", func(db *gorm.DB) error {
			return db.Model(&docsProduct{ID: 1}).Updates(map[string]any{"price": gorm.Expr("price * ? + ?", 2, 100)}).Error
		}, nil, `
			pre_save update product 1 c1 10 5
			post_save update product 1 c1 120 5`},
		{"update column with SQL expression", func(db *gorm.DB) error {
			return db.Model(&docsProduct{ID: 1}).Where("quantity > 1").UpdateColumn("quantity", gorm.Expr("quantity - ?", 1)).Error
		}, nil, ""},
		{"update with customized data type", func(db *gorm.DB) error {
			return db.Model(&docsPlace{ID: 1}).Updates(docsPlace{Name: "work", Location: docsLocation{5, 6}}).Error
		}, nil, `
			pre_save update place 1 work {1 2}
			post_save update place 1 work {5 6}`},
	}
}

func docsBatchUpdateMoreCases() []docsCase {
	raised := `
		pre_save update user 1 ann 18
		pre_save update user 2 bob 20
		post_save update user 1 ann 36
		post_save update user 2 bob 40`
	return []docsCase{
		{"update from subquery", func(db *gorm.DB) error {
			street := db.Model(&docsAddress{}).Select("address1").Where("docs_addresses.id = docs_users.billing_address_id")
			return db.Model(&docsUser{ID: 1}).Update("name", street).Error
		}, nil, `
			pre_save update user 1 ann 18
			post_save update user 1 a1 18`},
		{"update of an aliased table from subquery", func(db *gorm.DB) error {
			street := db.Table("docs_addresses as a").Select("address1").Where("a.id = u.billing_address_id")
			return db.Table("docs_users as u").Where("name = ?", "ann").Update("name", street).Error
		}, nil, ""},
		{"without hooks, one column", func(db *gorm.DB) error {
			return db.Model(&docsUser{ID: 1}).UpdateColumn("name", "hello").Error
		}, nil, ""},
		{"without hooks, several columns", func(db *gorm.DB) error {
			return db.Model(&docsUser{ID: 1}).Select("name", "age").UpdateColumns(docsUser{Name: "hello", Age: 0}).Error
		}, nil, ""},
		{"returning all columns", func(db *gorm.DB) error {
			var users []docsUser
			return db.Model(&users).Clauses(clause.Returning{}).Where("role = ?", "admin").Update("age", gorm.Expr("age * ?", 2)).Error
		}, nil, raised},
		{"returning some columns", func(db *gorm.DB) error {
			var users []docsUser
			name := clause.Returning{Columns: []clause.Column{{Name: "name"}}}
			return db.Model(&users).Clauses(name).Where("role = ?", "admin").Update("age", gorm.Expr("age * ?", 2)).Error
		}, nil, raised},
	}
}
