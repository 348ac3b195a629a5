package gormdocs_test

import (
	"errors"
	"slices"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestSendsWhatTheCreatePageWrites follows https://gorm.io/docs/create.html.
func TestSendsWhatTheCreatePageWrites(t *testing.T) {
	t.Parallel()
	runDocs(t, slices.Concat(docsCreateCases(), docsCreateMoreCases(), docsUpsertCases()))
}

func docsCreateCases() []docsCase {
	return []docsCase{
		{"create record", func(db *gorm.DB) error { return db.Create(&docsUser{Name: "dan", Age: 18}).Error }, nil, `
			pre_save create user 0 dan 18
			post_save create user 4 dan 18`},
		{"create multiple records", func(db *gorm.DB) error {
			return db.Create([]*docsUser{{Name: "dan", Age: 18}, {Name: "eve", Age: 19}}).Error
		}, nil, `
			pre_save create user 0 dan 18
			pre_save create user 0 eve 19
			post_save create user 4 dan 18
			post_save create user 5 eve 19`},
		{"create with selected fields", func(db *gorm.DB) error {
			return db.Select("Name", "Age").Create(&docsUser{Name: "dan", Age: 18, Role: "no"}).Error
		}, nil, `
			pre_save create user 0 dan 18
			post_save create user 4 dan 18`},
		{"create with omitted fields", func(db *gorm.DB) error {
			return db.Omit("Role").Create(&docsUser{Name: "dan", Age: 18, Role: "no"}).Error
		}, nil, `
			pre_save create user 0 dan 18
			post_save create user 4 dan 18`},
		{"batch insert", func(db *gorm.DB) error {
			return db.Create(&[]docsUser{{Name: "u1"}, {Name: "u2"}, {Name: "u3"}}).Error
		}, nil, `
			pre_save create user 0 u1 0
			pre_save create user 0 u2 0
			pre_save create user 0 u3 0
			post_save create user 4 u1 0
			post_save create user 5 u2 0
			post_save create user 6 u3 0`},
		{"create in batches", func(db *gorm.DB) error {
			return db.CreateInBatches([]docsUser{{Name: "u1"}, {Name: "u2"}, {Name: "u3"}}, 2).Error
		}, nil, `
			pre_save create user 0 u1 0
			pre_save create user 0 u2 0
			post_save create user 4 u1 0
			post_save create user 5 u2 0
			pre_save create user 0 u3 0
			post_save create user 6 u3 0`},
		{"CreateBatchSize", func(db *gorm.DB) error {
			return db.Session(&gorm.Session{CreateBatchSize: 1}).
				Create(&[]docsUser{{Name: "u1", Emails: []docsEmail{{Email: "x"}, {Email: "y"}}}, {Name: "u2"}}).Error
		}, nil, `
			pre_save create user 0 u1 0
			pre_save create email 0 x of 4
			post_save create email 4 x of 4
			pre_save create email 0 y of 4
			post_save create email 5 y of 4
			post_save create user 4 u1 0
			pre_save create user 0 u2 0
			post_save create user 5 u2 0`},
		{"create hooks", func(db *gorm.DB) error { return db.Create(&docsHooked{Name: "dan"}).Error }, nil, `
			pre_save create hooked 0 dan 40
			post_save create hooked 3 dan 40`},
	}
}

func docsCreateMoreCases() []docsCase {
	return []docsCase{
		{"skip hooks", func(db *gorm.DB) error {
			tx := db.Session(&gorm.Session{SkipHooks: true})
			users := []docsUser{{Name: "u1"}, {Name: "u2"}}
			return errors.Join(tx.Create(&docsUser{Name: "u"}).Error, tx.Create(&users).Error,
				tx.CreateInBatches([]docsUser{{Name: "u3"}}, 100).Error)
		}, nil, ""},
		{"create from map", func(db *gorm.DB) error {
			return db.Model(&docsUser{}).Create(map[string]any{"Name": "dan", "Age": 18}).Error
		}, nil, `
			pre_save create user 0 dan 18
			post_save create user 4 dan 18`},
		{"create from slice of maps", func(db *gorm.DB) error {
			return db.Model(&docsUser{}).Create(&[]map[string]any{{"Name": "u1", "Age": 18}, {"Name": "u2", "Age": 20}}).Error
		}, nil, `
			pre_save create user 0 u1 18
			pre_save create user 0 u2 20
			post_save create user 4 u1 18
			post_save create user 5 u2 20`},
		{"create from SQL expression in a map", func(db *gorm.DB) error {
			return db.Model(docsPlace{}).
				Create(map[string]any{"Name": "work", "Location": clause.Expr{SQL: "printf('%d,%d', ?, ?)", Vars: []any{3, 4}}}).Error
		}, nil, `
			pre_save create place 0 work {0 0}
			post_save create place 2 work {0 0}`},
		{"create from customized data type", func(db *gorm.DB) error {
			return db.Create(&docsPlace{Name: "work", Location: docsLocation{3, 4}}).Error
		}, nil, `
			pre_save create place 0 work {3 4}
			post_save create place 2 work {3 4}`},
		{"create with associations", func(db *gorm.DB) error {
			return db.Create(&docsUser{Name: "dan", Card: &docsCard{Number: "411"}}).Error
		}, nil, `
			pre_save create user 0 dan 0
			pre_save create card 0 411 of 4
			post_save create card 2 411 of 4
			post_save create user 4 dan 0`},
		{"create without an association", func(db *gorm.DB) error {
			return db.Omit("Card").Create(&docsUser{Name: "dan", Card: &docsCard{Number: "411"}}).Error
		}, nil, `
			pre_save create user 0 dan 0
			post_save create user 4 dan 0`},
		{"create without all associations", func(db *gorm.DB) error {
			return db.Omit(clause.Associations).Create(&docsUser{Name: "dan", Card: &docsCard{Number: "411"}}).Error
		}, nil, `
			pre_save create user 0 dan 0
			post_save create user 4 dan 0`},
		{"default values", func(db *gorm.DB) error { return db.Create(&docsProduct{Price: 1}).Error }, nil, `
			pre_save create product 0  1 0
			post_save create product 3 none 1 0`},
	}
}

func docsUpsertCases() []docsCase {
	id := []clause.Column{{Name: "id"}}
	return []docsCase{
		{"upsert, do nothing on conflict", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&docsUser{ID: 1, Name: "dan"}).Error
		}, nil, ""},
		{"upsert, do nothing without a conflict", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&docsUser{ID: 9, Name: "dan"}).Error
		}, nil, `saves create user 9 dan 0`},
		{"upsert, columns to default values", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.Assignments(map[string]any{"role": "user"})}).
				Create(&[]docsUser{{ID: 1, Name: "dan"}, {ID: 9, Name: "eve"}}).Error
		}, nil, `
			pre_save update user 1 dan 0
			pre_save create user 9 eve 0
			post_save update user 1 ann 18
			post_save create user 9 eve 0`},
		{"upsert, SQL expression", func(db *gorm.DB) error {
			more := clause.Assignments(map[string]any{"count": gorm.Expr("MAX(count, excluded.count)")})
			return db.Clauses(clause.OnConflict{Columns: id, DoUpdates: more}).Create(&docsLanguage{ID: 1, Name: "ZH", Count: 5}).Error
		}, nil, `saves update language 1 ZH 5`},
		{"upsert, columns to new values", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.AssignmentColumns([]string{"name", "age"})}).
				Create(&docsUser{ID: 1, Name: "dan", Age: 9}).Error
		}, nil, `saves update user 1 dan 9`},
		{"upsert, all columns", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]docsUser{{ID: 1, Name: "dan"}, {ID: 9, Name: "eve"}}).Error
		}, nil, `
			pre_save update user 1 dan 0
			pre_save create user 9 eve 0
			post_save update user 1 dan 0
			post_save create user 9 eve 0`},
		{"first or create, found", func(db *gorm.DB) error {
			return db.Where(docsUser{Name: "ann"}).FirstOrCreate(&docsUser{}).Error
		}, nil, ""},
		{"first or create, not found, with attrs", func(db *gorm.DB) error {
			return db.Where(docsUser{Name: "dan"}).Attrs(docsUser{Age: 20}).FirstOrCreate(&docsUser{}).Error
		}, nil, `
			pre_save create user 0 dan 20
			post_save create user 4 dan 20`},
		{"first or create, found, with assign", func(db *gorm.DB) error {
			return db.Where(docsUser{Name: "ann"}).Assign(docsUser{Age: 21}).FirstOrCreate(&docsUser{}).Error
		}, nil, `saves update user 1 ann 21`},
	}
}
