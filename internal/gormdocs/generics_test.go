package gormdocs_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestSendsWhatTheGenericsPageWrites follows https://gorm.io/docs/the_generics_way.html, and what the other pages show of the
// generics API.
func TestSendsWhatTheGenericsPageWrites(t *testing.T) {
	t.Parallel()
	runDocs(t, slices.Concat(docsGenericCases(), docsGenericMoreCases(), docsGenericUpdateCases()))
}

func docsGenericCases() []docsCase {
	id := []clause.Column{{Name: "id"}}
	return []docsCase{
		{"create", func(db *gorm.DB) error {
			return gorm.G[docsUser](db).Create(db.Statement.Context, &docsUser{Name: "dan", Age: 18})
		}, nil, `
			pre_save create user 0 dan 18
			post_save create user 4 dan 18`},
		{"create with result", func(db *gorm.DB) error {
			result, user := gorm.WithResult(), docsUser{Name: "dan", Age: 18}
			err := gorm.G[docsUser](db, result).Create(db.Statement.Context, &user)
			if result.RowsAffected != 1 || user.ID != 4 {
				return errors.New("the result is not what GORM says")
			}
			return errors.Join(err, result.Error)
		}, nil, `
			pre_save create user 0 dan 18
			post_save create user 4 dan 18`},
		{"create in batches", func(db *gorm.DB) error {
			users, result := []docsUser{{Name: "u1"}, {Name: "u2"}, {Name: "u3"}}, gorm.WithResult()
			return gorm.G[docsUser](db, result).CreateInBatches(db.Statement.Context, &users, 2)
		}, nil, `
			pre_save create user 0 u1 0
			pre_save create user 0 u2 0
			post_save create user 4 u1 0
			post_save create user 5 u2 0
			pre_save create user 0 u3 0
			post_save create user 6 u3 0`},
		{"do nothing on conflict", func(db *gorm.DB) error {
			return gorm.G[docsLanguage](db, clause.OnConflict{DoNothing: true}).
				Create(db.Statement.Context, &docsLanguage{ID: 1, Name: "other"})
		}, nil, ""},
		{"update on conflict", func(db *gorm.DB) error {
			more := clause.Assignments(map[string]any{"count": gorm.Expr("MAX(count, excluded.count)")})
			return gorm.G[docsLanguage](db, clause.OnConflict{Columns: id, DoUpdates: more}).
				Create(db.Statement.Context, &docsLanguage{ID: 1, Name: "ZH", Count: 5})
		}, nil, `saves update language 1 ZH 5`},
	}
}

func docsGenericMoreCases() []docsCase {
	return []docsCase{
		{"queries", func(db *gorm.DB) error {
			_, err := gorm.G[docsUser](db).Where("age <= ?", 18).Find(db.Statement.Context)
			return err
		}, nil, ""},
		{"raw", func(db *gorm.DB) error {
			_, err := gorm.G[docsUser](db).Raw("SELECT name FROM docs_users WHERE id = ?", 1).Find(db.Statement.Context)
			return err
		}, nil, ""},
		{"delete by ID", func(db *gorm.DB) error {
			_, err := gorm.G[docsEmail](db).Where("id = ?", 1).Delete(db.Statement.Context)
			return err
		}, nil, `deletes hard email 1 e1 of 1`},
		{"delete with additional conditions", func(db *gorm.DB) error {
			_, err := gorm.G[docsEmail](db).Where("id = ? AND email = ?", 1, "e2").Delete(db.Statement.Context)
			return err
		}, nil, ""},
		{"batch delete", func(db *gorm.DB) error {
			_, err := gorm.G[docsEmail](db).Where("email LIKE ?", "%e%").Delete(db.Statement.Context)
			return err
		}, nil, docsEmailsGone},
		{"block global delete", func(db *gorm.DB) error {
			_, err := gorm.G[docsEmail](db).Delete(db.Statement.Context)
			return err
		}, gorm.ErrMissingWhereClause, ""},
		{"soft delete", func(db *gorm.DB) error {
			_, err := gorm.G[docsOrder](db).Where("id > ?", 1).Delete(db.Statement.Context)
			return err
		}, nil, `deletes soft order 2 o2`},
	}
}

func docsGenericUpdateCases() []docsCase {
	set := func(column string, value any) clause.Assigner {
		return clause.Assignment{Column: clause.Column{Name: column}, Value: value}
	}
	ann := func(db *gorm.DB) gorm.ChainInterface[docsUser] { return gorm.G[docsUser](db).Where("id = ?", 1) }
	return []docsCase{
		{"update", func(db *gorm.DB) error {
			_, err := ann(db).Update(db.Statement.Context, "age", 50)
			return err
		}, nil, `saves update user 1 ann 50`},
		{"update with multiple conditions", func(db *gorm.DB) error {
			_, err := gorm.G[docsUser](db).Where("id = ? AND active = ?", 1, true).Update(db.Statement.Context, "name", "hello")
			return err
		}, nil, `saves update user 1 hello 18`},
		{"updates with struct", func(db *gorm.DB) error {
			_, err := ann(db).Updates(db.Statement.Context, docsUser{Name: "hello", Age: 50})
			return err
		}, nil, `saves update user 1 hello 50`},
		{"updates with map of a table", func(db *gorm.DB) error {
			_, err := gorm.G[map[string]any](db).Table("docs_users").Where("id = ?", 1).
				Updates(db.Statement.Context, map[string]any{"name": "hello"})
			return err
		}, nil, ""},
		{"select with struct", func(db *gorm.DB) error {
			_, err := ann(db).Select("Name", "Age").Updates(db.Statement.Context, docsUser{Name: "new_name", Age: 0})
			return err
		}, nil, `saves update user 1 new_name 0`},
		{"omit with struct", func(db *gorm.DB) error {
			_, err := ann(db).Omit("Name").Updates(db.Statement.Context, docsUser{Name: "new_name", Age: 7})
			return err
		}, nil, `saves update user 1 ann 7`},
		{"update with SQL expression", func(db *gorm.DB) error {
			_, err := ann(db).Update(db.Statement.Context, "age", gorm.Expr("age * 2"))
			return err
		}, nil, `
			pre_save update user 1 ann 18
			post_save update user 1 ann 36`},
		{"block global updates", func(db *gorm.DB) error {
			_, err := gorm.G[docsUser](db).Update(db.Statement.Context, "name", "hello")
			return err
		}, gorm.ErrMissingWhereClause, ""},
		{"set and create", func(db *gorm.DB) error {
			return gorm.G[docsUser](db).Set(set("name", "dan"), set("age", 18)).Create(db.Statement.Context)
		}, nil, `
			pre_save create user 0 dan 18
			post_save create user 4 dan 18`},
		{"set and update", func(db *gorm.DB) error {
			_, err := ann(db).Set(set("name", "hello"), set("age", gorm.Expr("age + 1"))).Update(db.Statement.Context)
			return err
		}, nil, `
			pre_save update user 1 hello 18
			post_save update user 1 hello 19`},
	}
}

// TestGenericsReturnTheRowsAffected looks at what the calls of the cases above return.
func TestGenericsReturnTheRowsAffected(t *testing.T) {
	t.Parallel()
	db, _ := openDocs(t)
	n, err := gorm.G[docsUser](db).Where("role = ?", "admin").Update(t.Context(), "age", 5)
	assert.NoError(t, err)
	assert.Equal(t, 2, n)
	n, err = gorm.G[docsEmail](db).Where("user_id = ?", 1).Delete(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, 2, n)
}
