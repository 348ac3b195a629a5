package dbtest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Member is unique by mail among those that are active.
type Member struct {
	ID     uint
	Mail   string `gorm:"uniqueIndex:,where:active"`
	Active bool
	Note   string
	Boss   *uint
}

func showMember(m *Member) string {
	return fmt.Sprint(m.ID, " ", m.Mail, map[bool]string{true: "+", false: "-"}[m.Active], " ", m.Note)
}

// members makes five members, a and b twice: as active ones and as others.
func members(t *testing.T, open ownDB) *truth[Member] {
	t.Helper()
	tr := newTruth(t, open, showMember)
	tr.both(t, func(db *gorm.DB) *gorm.DB {
		return db.Create(&[]Member{{Mail: "a"}, {Mail: "a", Active: true}, {Mail: "b", Active: true}, {Mail: "b"}, {Mail: "c"}})
	})
	return tr
}

func TestAPartialIndexAsTheTargetConflictsOnlyWithTheRowsThatItHolds(t *testing.T) {
	t.Parallel()
	active := clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "active"}}}
	target := clause.OnConflict{Columns: []clause.Column{{Name: "mail"}}, TargetWhere: active}
	update, nothing := target, target
	update.DoUpdates = clause.AssignmentColumns([]string{"note"})
	nothing.DoNothing = true
	for name, one := range map[string]struct {
		how  clause.OnConflict
		rows []Member
		want []string
	}{
		"an active one":  {update, []Member{{Mail: "b", Active: true, Note: "x"}}, []string{"update b -> b x"}},
		"another one":    {update, []Member{{Mail: "b", Note: "x"}}, []string{"create b x"}},
		"none is active": {update, []Member{{Mail: "c", Active: true, Note: "x"}}, []string{"create c x"}},
		"twice":          {update, []Member{{Mail: "a", Active: true, Note: "x"}}, []string{"update a -> a x"}},
		"batch": {
			update,
			[]Member{{Mail: "c", Note: "x"}, {Mail: "a", Active: true, Note: "x"}, {Mail: "d", Note: "x"}},
			[]string{"create c x", "update a -> a x", "create d x"},
		},
		"nothing, active": {nothing, []Member{{Mail: "b", Active: true, Note: "x"}}, nil},
		"nothing, other":  {nothing, []Member{{Mail: "b", Note: "x"}}, []string{"create b x"}},
		"nothing, free":   {nothing, []Member{{Mail: "c", Active: true, Note: "x"}}, []string{"create c x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr := members(t, open)
				tr.loose = true // whether the index holds a row is not known beforehand
				tr.show = func(m *Member) string { return strings.TrimSpace(m.Mail + " " + m.Note) }
				lines := tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					all := append([]Member(nil), one.rows...)
					return db.Clauses(one.how).Create(&all), all
				})
				assert.Equal(t, strings.Join(one.want, ", "), strings.Join(lines, ", "))
			})
		})
	}
}

func TestReturningOfPostgreSQLFillsWhatItFillsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	some := clause.Returning{Columns: []clause.Column{{Name: "id"}, {Name: "note"}}}
	for name, one := range map[string]struct {
		events int
		do     func(db *gorm.DB) (*gorm.DB, any)
	}{
		"create": {1, func(db *gorm.DB) (*gorm.DB, any) {
			m := Member{Mail: "n"}
			return db.Clauses(clause.Returning{}).Create(&m), m
		}},
		"create of a slice": {2, func(db *gorm.DB) (*gorm.DB, any) {
			m := []Member{{Mail: "n"}, {Mail: "o"}}
			return db.Clauses(some).Create(&m), m
		}},
		"upsert": {1, func(db *gorm.DB) (*gorm.DB, any) {
			m := Member{ID: 1, Mail: "n", Note: "new"}
			how := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"note"})}
			return db.Clauses(clause.Returning{}, how).Create(&m), m
		}},
		"update of one": {1, func(db *gorm.DB) (*gorm.DB, any) {
			m := Member{ID: 2}
			return db.Model(&m).Clauses(clause.Returning{}).Update("note", gorm.Expr("mail || id")), m
		}},
		"update by a condition": {5, func(db *gorm.DB) (*gorm.DB, any) {
			var m []Member
			return db.Model(&m).Clauses(some).Where("id > 0").Update("note", gorm.Expr("mail || id")), m
		}},
		"update by a struct": {5, func(db *gorm.DB) (*gorm.DB, any) {
			var m []Member
			return db.Model(&m).Clauses(clause.Returning{}).Where("id > 0").Updates(Member{Note: "new"}), m
		}},
		"Save": {1, func(db *gorm.DB) (*gorm.DB, any) {
			m := Member{ID: 2, Mail: "z"}
			return db.Clauses(clause.Returning{}).Save(&m), m
		}},
		"delete by a condition": {5, func(db *gorm.DB) (*gorm.DB, any) {
			var m []Member
			return db.Clauses(clause.Returning{}).Where("id > 0").Delete(&m), m
		}},
		"delete of one": {1, func(db *gorm.DB) (*gorm.DB, any) {
			m := Member{ID: 2}
			return db.Clauses(some).Delete(&m), m
		}},
		"delete of none": {0, func(db *gorm.DB) (*gorm.DB, any) {
			var m []Member
			return db.Clauses(clause.Returning{}).Where("id > 100").Delete(&m), m
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, func(t *testing.T, open ownDB) {
				t.Helper()
				assert.Len(t, members(t, open).call(t, one.do), one.events)
			})
		})
	}
}

func TestAViewSendsAsTheTableBehindIt(t *testing.T) {
	t.Parallel()
	const function = `CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF TG_OP = 'DELETE' THEN DELETE FROM people WHERE id = OLD.id; RETURN OLD;
		ELSIF TG_OP = 'UPDATE' THEN UPDATE people SET mail = NEW.mail, active = NEW.active, note = NEW.note WHERE id = OLD.id; RETURN NEW;
		ELSE NEW.id := coalesce(NEW.id, nextval('people_id_seq'));
			INSERT INTO people SELECT NEW.id, NEW.mail, NEW.active, NEW.note; RETURN NEW;
		END IF; END $$`
	const trigger = `CREATE TRIGGER writes INSTEAD OF INSERT OR UPDATE OR DELETE ON members FOR EACH ROW EXECUTE FUNCTION written()`
	const table = `CREATE TABLE people (id bigserial PRIMARY KEY, mail text, active bool, note text, boss bigint)`
	for name, view := range map[string][]string{
		"updatable":            {`CREATE VIEW members AS SELECT * FROM people WHERE id < 100`},
		"check option":         {`CREATE VIEW members AS SELECT * FROM people WHERE active WITH CHECK OPTION`},
		"INSTEAD OF":           {`CREATE VIEW members AS SELECT p.* FROM people p LEFT JOIN people o ON o.id = p.boss`, function, trigger},
		"INSTEAD OF, DISTINCT": {`CREATE VIEW members AS SELECT DISTINCT * FROM people`, function, trigger},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr := truthOf(t, open, showMember, append([]string{table}, view...)...)
				create := func(db *gorm.DB) (*gorm.DB, any) {
					all := []Member{{Mail: "a", Active: true}, {Mail: "b", Active: true}, {Mail: "c", Active: true}}
					return db.Create(&all), all
				}
				assert.Len(t, tr.call(t, create), 3)
				assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					return db.Model(&Member{}).Where("id < 4").Update("note", gorm.Expr("mail")), nil
				}), 3)
				assert.Equal(t, []string{"update 2 b+ b -> 2 b+ x"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					m := Member{ID: 2, Mail: "b", Active: true, Note: "x"}
					return db.Save(&m), m
				}))
				upsert := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"mail", "active", "note"})}
				if !strings.HasPrefix(name, "INSTEAD OF") { // which has no ON CONFLICT
					assert.Equal(t, []string{"update 2 b+ x -> 2 b+ y", "create 9 n+ z"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
						all := []Member{{ID: 2, Mail: "b", Active: true, Note: "y"}, {ID: 9, Mail: "n", Active: true, Note: "z"}}
						return db.Clauses(upsert).Create(&all), all
					}))
				}
				tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { // WITH CHECK OPTION forbids it
					return db.Model(&Member{ID: 1}).Update("active", false), nil
				})
				assert.Equal(t, []string{"delete 3 c+ c"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return db.Where("mail = 'c'").Delete(&Member{}), nil }))
			})
		})
	}
}

func TestUpdatesThatLookAtOtherTablesSendOnePairPerRow(t *testing.T) {
	t.Parallel()
	bosses := clause.From{Tables: []clause.Table{{Name: "bosses"}}}
	for name, do := range map[string]func(db *gorm.DB) *gorm.DB{
		"FROM": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Member{}).Clauses(bosses).Where("bosses.member_id = members.id AND bosses.rank = 1")
		},
		"FROM, many a row": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Member{}).Clauses(bosses).Where("bosses.member_id = members.id")
		},
		"IN (SELECT)": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Member{}).Where("id IN (?)", db.Session(&gorm.Session{NewDB: true}).Table("bosses").Select("member_id"))
		},
		"EXISTS (SELECT)": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Member{}).Where("EXISTS (SELECT 1 FROM bosses b WHERE b.member_id = members.id)")
		},
		"a window": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Member{}).Where("id IN (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM members) s WHERE n <= 3)")
		},
	} {
		for _, schema := range []string{"", "apart."} {
			t.Run(name+" "+schema, func(t *testing.T) {
				t.Parallel()
				onPostgres(t, func(t *testing.T, open ownDB) {
					t.Helper()
					tr := members(t, open)
					tr.both(t, func(db *gorm.DB) *gorm.DB { return db.Exec("CREATE TABLE bosses (member_id bigint, rank int)") })
					tr.both(t, func(db *gorm.DB) *gorm.DB {
						return db.Exec("INSERT INTO bosses VALUES (1, 1), (2, 1), (3, 1), (3, 2), (2, 2)")
					})
					lines := tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
						tx := db
						if schema != "" {
							var own string
							require.NoError(t, db.Raw("SELECT current_schema()").Scan(&own).Error)
							tx = db.Table(own + ".members")
						}
						return do(tx).Update("note", "told"), nil
					})
					assert.ElementsMatch(t, []string{"update 1 a-  -> 1 a- told", "update 2 a+  -> 2 a+ told", "update 3 b+  -> 3 b+ told"}, lines)
				})
			})
		}
	}
}

// Invoice has a number by identity and a total that the database computes.
type Invoice struct {
	Number int64 `gorm:"primaryKey;autoIncrement;generated:identity always"`
	Net    int
	Gross  int `gorm:"->;generated:net * 2"`
}

func TestIdentityAndGeneratedColumnsSendWhatTheDatabaseMakesOfThem(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := truthOf(t, open, func(i *Invoice) string { return fmt.Sprint(i.Number, " ", i.Net, " ", i.Gross) },
			`CREATE TABLE invoices (number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, net bigint, gross bigint GENERATED ALWAYS AS (net * 2) STORED)`)
		tr.both(t, func(db *gorm.DB) *gorm.DB { return db.Create(&[]Invoice{{Net: 1}, {Net: 2}, {Net: 3}}) })
		assert.Equal(t, []string{"update 1 1 2 -> 1 5 10", "update 2 2 4 -> 2 5 10", "update 3 3 6 -> 3 5 10"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Invoice{}).Where("gross > 0").Update("net", 5), nil
		}))
		assert.Equal(t, []string{"update 2 5 10 -> 2 6 12"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			i := Invoice{Number: 2}
			return db.Model(&i).Updates(Invoice{Net: 6}), i
		}))
		tr.show = func(i *Invoice) string { return fmt.Sprint(i.Number, " ", i.Net) } // the caller's struct does not know more
		assert.Equal(t, []string{"create 4 7", "create 5 8"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			all := []Invoice{{Net: 7}, {Net: 8}}
			return db.Create(&all), all
		}))
		assert.Equal(t, []string{"update 4 7 -> 4 9"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			i := Invoice{Number: 4, Net: 9}
			return db.Save(&i), i
		}))
		tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { // GENERATED ALWAYS takes no value
			i := Invoice{Number: 77, Net: 9}
			result := db.Save(&i)
			assert.ErrorContains(t, result.Error, "428C9")
			return result, i
		})
	})
}

func TestTableExpressionsOfPostgreSQLSendLikeTables(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		want []string
		do   func(db *gorm.DB) *gorm.DB
	}{
		"alias, update": {[]string{"update 1 a-  -> 1 a- n", "update 2 a+  -> 2 a+ n"}, func(db *gorm.DB) *gorm.DB {
			return db.Model(&Member{}).Table("members AS m").Where("m.mail = 'a'").Update("note", "n")
		}},
		"alias, delete": {[]string{"delete 1 a- ", "delete 2 a+ "}, func(db *gorm.DB) *gorm.DB {
			return db.Table("members AS m").Where("m.mail = 'a'").Delete(&Member{})
		}},
		"a join that GORM leaves out": {nil, func(db *gorm.DB) *gorm.DB {
			return db.Model(&Member{}).Joins("JOIN members b ON b.id = members.boss").Where("b.mail = 'a'").Update("note", "n")
		}},
		"no such column": {nil, func(db *gorm.DB) *gorm.DB { return db.Where("nothing = 1").Delete(&Member{}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, func(t *testing.T, open ownDB) {
				t.Helper()
				assert.ElementsMatch(t, one.want, members(t, open).call(t, func(db *gorm.DB) (*gorm.DB, any) { return one.do(db), nil }))
			})
		})
	}
}

// Square has a key of two columns, which may be zero.
type Square struct {
	Row    string `gorm:"primaryKey;size:1"`
	Column int    `gorm:"primaryKey;autoIncrement:false"`
	N      int
}

func TestASliceWithAKeyThatIsPartlyZeroTellsWhatIsCreated(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Square{}))
		require.NoError(t, db.Create(&[]Square{{Row: "a"}, {Row: "b", Column: 1}}).Error)
		require.NoError(t, db.Use(signals.Plugin{}))
		var created []bool
		signals.For[Square](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Square]) error {
			created = append(created, e.Created)
			return nil
		})
		require.NoError(t, db.Save(&[]Square{{Row: "a", N: 1}, {Row: "b", N: 1}, {Row: "b", Column: 1, N: 1}}).Error)
		assert.Equal(t, []bool{false, true, false}, created)
	})
}
