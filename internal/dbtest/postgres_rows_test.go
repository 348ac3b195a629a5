package dbtest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Entry has a key of a type that K stands for, and a row number beside it.
type Entry[K any] struct {
	Key  K `gorm:"primaryKey"`
	Note string
}

// TableName implements [schema.Tabler].
func (Entry[K]) TableName() string { return "entries" }

// keyed writes rows by keys of a type in every way. The keys are in the order of the database.
func keyed[K any](t *testing.T, kind string, keys [5]K) {
	t.Helper()
	t.Run(kind, func(t *testing.T) {
		t.Parallel()
		onPostgres(t, func(t *testing.T, open ownDB) {
			t.Helper()
			tr := truthOf(t, open, func(e *Entry[K]) string { return e.Note },
				`CREATE TYPE shade AS ENUM ('white', 'pale', 'grey', 'dark', 'black')`,
				fmt.Sprintf("CREATE TABLE entries (key %s PRIMARY KEY, note text)", kind))
			all := func(note string) []Entry[K] {
				rows := []Entry[K]{}
				for i, key := range keys {
					rows = append(rows, Entry[K]{key, fmt.Sprint(note, i)})
				}
				return rows
			}
			assert.Equal(t, []string{"create a0", "create a1", "create a2", "create a3", "create a4"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				rows := all("a")
				return db.Create(&rows), rows
			}))
			assert.Equal(t, []string{"update a0 -> b", "update a1 -> b", "update a2 -> b", "update a3 -> b", "update a4 -> b"},
				tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					return db.Model(&Entry[K]{}).Where("note LIKE 'a%'").Update("note", gorm.Expr("left('b' || note, 1)")), nil
				}))
			assert.Equal(t, []string{"update b -> c1"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				rows := all("c")
				return db.Save(&rows[1]), rows
			}))
			assert.Equal(t, []string{"update c1 -> d"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				return db.Model(&Entry[K]{Key: keys[1]}).Update("note", gorm.Expr("'d'")), nil
			}))
			assert.Equal(t, []string{"delete d", "delete b"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				rows := all("")[1:3]
				return db.Delete(&rows), rows
			}))
			assert.Equal(t, []string{"update b -> e0", "create e1", "create e2", "update b -> e3", "update b -> e4"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				rows := all("e")
				return db.Save(&rows), rows
			}))
			assert.Empty(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				rows := all("f")
				return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows), rows
			}))
			assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return db.Where("1 = 1").Delete(&Entry[K]{}), nil }), 5)
			assert.Equal(t, []string{"create g3"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				row := all("g")[3]
				return db.Save(&row), row
			}))
		})
	})
}

func TestKeysOfEveryTypeSendLikeOthers(t *testing.T) {
	t.Parallel()
	keyed(t, "text", [5]string{"a", "b", "c", "d", "e"})
	keyed(t, "shade", [5]string{"white", "pale", "grey", "dark", "black"})
	keyed(t, "uuid", [5]string{
		"00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-000000000003",
		"00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b",
	})
	keyed(t, "inet", [5]string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.20", "10.0.0.100"})
	keyed(t, "bytea", [5][]byte{{1}, {1, 0}, {2}, {254}, {255, 255}})
	keyed(t, "numeric(12,4)", [5]Money{money("0.1"), money("1"), money("2.5"), money("10"), money("100.0001")})
	at := time.Date(2024, 5, 17, 8, 30, 15, 123_456_000, time.FixedZone("far", 5*3600))
	keyed(t, "timestamptz", [5]time.Time{at, at.Add(time.Microsecond), at.Add(2 * time.Microsecond), at.Add(time.Hour), at.AddDate(1, 0, 0)})
	keyed(t, "smallint", [5]int16{-2, -1, 1, 2, 3})
	keyed(t, "double precision", [5]float64{-0.1, 0.1, 0.2, 0.3, 1e100})
}

func TestASerializableTransactionFailsAsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := members(t, open)
		committed, rolled := 0, 0
		s := signals.For[Member](tr.with)
		s.PostSave.Connect(func(context.Context, signals.SaveEvent[*Member]) error { committed++; return nil }, signals.AfterCommit())
		s.PostSave.Connect(func(context.Context, signals.SaveEvent[*Member]) error { rolled++; return nil }, signals.AfterRollback())
		for _, db := range []*gorm.DB{tr.plain, tr.with} {
			err := db.Transaction(func(tx *gorm.DB) error {
				var n int64
				require.NoError(t, tx.Model(&Member{}).Count(&n).Error)
				require.NoError(t, db.Transaction(func(other *gorm.DB) error {
					require.NoError(t, other.Model(&Member{}).Count(&n).Error)
					return other.Model(&Member{}).Where("mail = 'a'").Update("note", "other").Error
				}, &sql.TxOptions{Isolation: sql.LevelSerializable}))
				return tx.Model(&Member{}).Where("mail = 'a'").Update("note", "own").Error
			}, &sql.TxOptions{Isolation: sql.LevelSerializable})
			var state interface{ SQLState() string }
			require.ErrorAs(t, err, &state)
			assert.Equal(t, "40001", state.SQLState())
			require.Error(t, db.Transaction(func(tx *gorm.DB) error {
				return tx.Where("1 = 1").Delete(&Member{}).Error
			}, &sql.TxOptions{ReadOnly: true}))
		}
		assert.Equal(t, []int{2, 0}, []int{committed, rolled})
		assert.Equal(t, tr.stored(t, tr.plain), tr.stored(t, tr.with))
	})
}

// Label is unique by a name of a collation that takes small and capital letters, and accents, as one.
type Label struct {
	ID   uint
	Name string `gorm:"uniqueIndex"`
	Uses int
}

func TestADeferredConstraintThatFailsAtTheCommitRollsBack(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, open ownDB) {
		t.Helper()
		heard := []string{}
		tr := &truth[Member]{with: open(t), plain: open(t), show: showMember}
		tr.both(t, func(db *gorm.DB) *gorm.DB {
			require.NoError(t, db.AutoMigrate(&Member{}))
			return db.Exec("ALTER TABLE members ADD FOREIGN KEY (boss) REFERENCES members DEFERRABLE INITIALLY DEFERRED")
		})
		tr.listen(t, signals.Plugin{ErrorHandler: func(_ context.Context, err error) {
			heard = append(heard, err.Error())
		}})
		for phase, option := range map[string]signals.ConnectOption{"commit": signals.AfterCommit(), "rollback": signals.AfterRollback()} {
			signals.For[Member](tr.with).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Member]) error {
				heard = append(heard, phase+" "+e.Instance.Mail)
				return nil
			}, option)
		}
		for _, db := range []*gorm.DB{tr.plain, tr.with} {
			require.ErrorContains(t, db.Create(&Member{Mail: "x", Boss: new(uint(99))}).Error, "23503")
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Create(&Member{Mail: "y", Boss: new(uint(77))}).Error, tx.Create(&Member{ID: 77, Mail: "z"}).Error)
			}))
		}
		assert.Equal(t, []string{"rollback x", "commit y", "commit z"}, heard)
		assert.Equal(t, tr.stored(t, tr.plain), tr.stored(t, tr.with))
	})
}

func TestRowsThatATriggerKeepsHaveNoPostSignal(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		want []string
		do   func(db *gorm.DB) (*gorm.DB, any)
	}{
		"update, one": {nil, func(db *gorm.DB) (*gorm.DB, any) { return db.Model(&Member{ID: 1}).Update("note", "n"), nil }},
		"update, some": {[]string{"update 3 b+  -> 3 b+ n", "update 4 b-  -> 4 b- n"}, func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Member{}).Where("id < 5").Update("note", "n"), nil
		}},
		"update, all": {nil, func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Member{}).Where("mail = 'a'").Update("note", "n"), nil
		}},
		"delete, one":  {nil, func(db *gorm.DB) (*gorm.DB, any) { return db.Delete(&Member{ID: 1}), nil }},
		"delete, some": {[]string{"delete 3 b+ ", "delete 4 b- "}, func(db *gorm.DB) (*gorm.DB, any) { return db.Where("id < 5").Delete(&Member{}), nil }},
		"delete, all":  {nil, func(db *gorm.DB) (*gorm.DB, any) { return db.Where("mail = 'a'").Delete(&Member{}), nil }},
		"create, one":  {nil, func(db *gorm.DB) (*gorm.DB, any) { return db.Create(&Member{Mail: "a"}), nil }},
		"create, all":  {nil, func(db *gorm.DB) (*gorm.DB, any) { return db.Create(&[]Member{{Mail: "a"}, {Mail: "a"}}), nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr := members(t, open)
				tr.both(t, func(db *gorm.DB) *gorm.DB {
					return db.Exec(`CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;`)
				})
				for _, when := range []string{"UPDATE OR DELETE", "INSERT"} {
					row := map[string]string{"INSERT": "NEW"}[when]
					if row == "" {
						row = "OLD"
					}
					tr.both(t, func(db *gorm.DB) *gorm.DB {
						return db.Exec(fmt.Sprintf("CREATE TRIGGER keep_%s BEFORE %s ON members FOR EACH ROW WHEN (%[1]s.mail = 'a') EXECUTE FUNCTION keep()", row, when))
					})
				}
				tr.loose = true
				lines := tr.call(t, one.do)
				assert.ElementsMatch(t, one.want, lines)
			})
		})
	}
}

// Visit is stored in a partition by its year, and unique by its page in small letters.
type Visit struct {
	ID   uint `gorm:"primaryKey;autoIncrement:false"`
	Year int  `gorm:"primaryKey;autoIncrement:false"`
	Page string
	Hits int
}

func visits(t *testing.T, open ownDB) *truth[Visit] {
	t.Helper()
	tr := truthOf(t, open, func(v *Visit) string { return fmt.Sprint(v.ID, "/", v.Year, " ", v.Page, " ", v.Hits) },
		"CREATE TABLE visits (id bigint, year bigint, page text, hits bigint, PRIMARY KEY (id, year)) PARTITION BY LIST (year)",
		"CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1)", "CREATE TABLE visits_2 PARTITION OF visits FOR VALUES IN (2)")
	assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
		return db.Create(&[]Visit{{1, 1, "a", 0}, {2, 1, "b", 0}, {1, 2, "a", 0}, {2, 2, "b", 0}, {3, 2, "c", 0}}), nil
	}), 5)
	return tr
}

func TestRowsOfPartitionsSendLikeOthersAndMayMove(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := visits(t, open)
		assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Visit{}).Where("page <> 'c'").Update("hits", gorm.Expr("id + year")), nil
		}), 4)
		assert.Equal(t, []string{"update 2/1 b 3 -> 2/1 x 9", "create 3/1 y 9", "update 3/2 c 0 -> 3/2 z 9"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			all := []Visit{{2, 1, "x", 9}, {3, 1, "y", 9}, {3, 2, "z", 9}}
			return db.Save(&all), all
		}))
		heard := []string{}
		signals.For[Visit](tr.with).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Visit]) error {
			old, err := e.Original()
			heard = append(heard, tr.show(old)+" -> "+tr.show(e.Instance))
			return err
		})
		require.NoError(t, tr.with.Model(&Visit{}).Where("year = 2 AND page = 'z'").Update("year", gorm.Expr("1 + year - 1")).Error)
		require.NoError(t, tr.with.Where("id = 3 AND year = 1").Delete(&Visit{}).Error)
		require.NoError(t, tr.with.Model(&Visit{ID: 3, Year: 2}).Update("year", 1).Error)
		assert.Equal(t, []string{"3/2 z 9 -> 3/2 z 9", "3/2 z 9 -> 3/1 z 9"}, heard)
		assert.Len(t, tr.stored(t, tr.with), 5)
	})
}

func TestATargetThatTheModelDoesNotDeclareConflictsAsTheDatabaseSays(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]clause.OnConflict{
		"constraint by name":   {OnConstraint: "labels_pkey"},
		"index of the catalog": {Columns: []clause.Column{{Name: "name"}, {Name: "uses"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr := truthOf(t, open, func(l *Label) string { return l.Name }, "CREATE TABLE labels (id bigserial PRIMARY KEY, name text, uses bigint)",
					"CREATE UNIQUE INDEX ON labels (name, uses)")
				tr.both(t, func(db *gorm.DB) *gorm.DB {
					return db.Create(&[]Label{{Name: "tree", Uses: 1}, {Name: "shrub", Uses: 2}})
				})
				how := how
				how.DoUpdates = clause.AssignmentColumns([]string{"name"})
				same, other := Label{Name: "TREE", Uses: 1}, Label{Name: "new", Uses: 1}
				switch name {
				case "constraint by name":
					same.ID = 1
				case "index of the catalog":
					same.Name = "tree"
				}
				want := []string{"update tree -> " + same.Name, "create new"}
				tr.loose = true // what the index holds is not known beforehand
				assert.Equal(t, want, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					all := []Label{same, other}
					return db.Clauses(how).Create(&all), all
				}))
				how.DoUpdates, how.DoNothing, tr.loose = nil, true, true
				assert.Equal(t, []string{"create last"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					all := []Label{same, {ID: 9, Name: "last", Uses: 3}} // with keys: GORM gives those of DO NOTHING to the wrong structs
					if all[0].ID == 0 {
						all[0].ID = 8
					}
					return db.Clauses(how).Create(&all), all
				}))
			})
		})
	}
}
