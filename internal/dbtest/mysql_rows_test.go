package dbtest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Moment has times of several precisions.
type Moment struct {
	ID      uint
	Milli   time.Time  `gorm:"precision:3"`
	Micro   time.Time  `gorm:"precision:6"`
	Default time.Time  // three digits, as GORM makes it
	Second  time.Time  `gorm:"type:datetime"`
	Stamp   *time.Time `gorm:"type:timestamp(2) null"`
	Day     time.Time  `gorm:"type:date"`
	Typed   time.Time  `gorm:"type:datetime(6)"`
}

func (m *Moment) set(at time.Time) *Moment {
	m.Milli, m.Micro, m.Default, m.Second, m.Stamp, m.Day, m.Typed = at, at, at, at, &at, at, at
	return m
}

func TestATimeOfTheColumnsPrecisionIsNotChangedByARoundTrip(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		db := open(t)
		require.NoError(t, db.AutoMigrate(&Moment{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		at := time.Date(2024, 5, 17, 8, 30, 15, 123_456_700, time.FixedZone("far", 5*3600))
		require.NoError(t, db.Create((&Moment{ID: 1}).set(at)).Error)
		changes := [][]string{}
		signals.For[Moment](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Moment]) error {
			names := []string{}
			for _, c := range e.Changes() {
				names = append(names, c.Field)
			}
			changes = append(changes, names)
			return nil
		})
		require.NoError(t, db.Save((&Moment{ID: 1}).set(at)).Error)
		var loaded Moment
		require.NoError(t, db.First(&loaded).Error)
		require.NoError(t, db.Save(&loaded).Error)
		assert.Equal(t, [][]string{{}, {}}, changes, "the same instant, as it was given and as it is stored")
		changes = nil
		loaded.Typed = time.Date(2024, 5, 17, 3, 30, 15, 123_000_000, time.UTC)
		require.NoError(t, db.Save(&loaded).Error)
		loaded.Typed = loaded.Typed.Add(400 * time.Microsecond)
		require.NoError(t, db.Save(&loaded).Error)
		assert.Equal(t, [][]string{{"Typed"}, {"Typed"}}, changes, "microseconds are a change where the column has them")
	})
}

// Giant has a key beyond the integers with a sign.
type Giant struct {
	ID   uint64 `gorm:"type:bigint unsigned;autoIncrement:false"`
	Size uint64
	Born time.Time
}

func TestUnsignedKeysBeyondTheSignedOnesAndZeroDatesSendLikeOthers(t *testing.T) {
	t.Parallel()
	for _, params := range [][]string{nil, {"interpolateParams=true"}} {
		t.Run(fmt.Sprint(params), func(t *testing.T) {
			t.Parallel()
			onMySQL(t, func(t *testing.T, open ownDB) {
				t.Helper()
				loose := func(t *testing.T, more ...string) *gorm.DB {
					t.Helper()
					return open(t, append(append(more, params...), "sql_mode=%27NO_ENGINE_SUBSTITUTION%27")...)
				}
				tr := newTruth(t, loose, func(g *Giant) string { return fmt.Sprint(g.ID, " ", g.Size, " ", g.Born.Unix()) })
				const first = uint64(1<<64 - 3)
				tr.both(t, func(db *gorm.DB) *gorm.DB {
					for i := range uint64(3) {
						require.NoError(t, db.Exec("INSERT INTO giants(id, size, born) VALUES (?, ?, '0000-00-00')", first+i, 1<<63+i).Error)
					}
					return db
				})
				zero := time.Time{}.Unix()
				assert.Equal(t, []string{
					fmt.Sprintf("update 18446744073709551613 9223372036854775808 %[1]d -> 18446744073709551613 9223372036854775809 %[1]d", zero),
					fmt.Sprintf("update 18446744073709551614 9223372036854775809 %[1]d -> 18446744073709551614 9223372036854775810 %[1]d", zero),
					fmt.Sprintf("update 18446744073709551615 9223372036854775810 %[1]d -> 18446744073709551615 9223372036854775811 %[1]d", zero),
				}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					return db.Model(&Giant{}).Where("size > 0").Update("size", gorm.Expr("size + 1")), nil
				}))
				assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return db.Where("size > 0").Delete(&Giant{}), nil }), 3)
			})
		})
	}
}

// Harbor has ships, which its foreign key protects.
type Harbor struct {
	ID    uint
	Name  string
	Ships []Ship
}

// Ship lies in a Harbor.
type Ship struct {
	ID       uint
	HarborID uint
	Name     string `gorm:"size:20;uniqueIndex"`
}

func harbors(t *testing.T, open ownDB) *truth[Harbor] {
	t.Helper()
	tr := newTruth(t, open, func(h *Harbor) string { return h.Name }, &Ship{})
	tr.both(t, func(db *gorm.DB) *gorm.DB { return db.Create(&Harbor{ID: 1, Name: "full", Ships: []Ship{{Name: "s"}}}) })
	tr.both(t, func(db *gorm.DB) *gorm.DB { return db.Create(&Harbor{ID: 2, Name: "empty"}) })
	return tr
}

func TestErrorsOfForeignKeysAreThoseWithoutThePluginAndSendNoPostSignal(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := harbors(t, open)
		tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			result := db.Where("1 = 1").Delete(&Harbor{})
			assert.ErrorContains(t, result.Error, "foreign key constraint fails")
			return result, nil
		})
		ships := 0
		signals.For[Ship](tr.with).PostSave.Connect(func(context.Context, signals.SaveEvent[*Ship]) error { ships++; return nil })
		for _, db := range []*gorm.DB{tr.plain, tr.with} {
			require.ErrorContains(t, db.Create(&[]Ship{{HarborID: 1, Name: "t"}, {HarborID: 9, Name: "u"}}).Error, "foreign key constraint fails")
			ignored := db.Clauses(clause.Insert{Modifier: "IGNORE"}).Create(&[]Ship{{ID: 11, HarborID: 9, Name: "u"}, {ID: 12, HarborID: 1, Name: "v"}})
			require.NoError(t, ignored.Error)
			assert.EqualValues(t, 1, ignored.RowsAffected)
		}
		assert.Equal(t, 1, ships, "IGNORE leaves out what the foreign key forbids")
	})
}

func TestDDLOfMySQLCommitsWhatWaits(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := harbors(t, open)
		heard := []string{}
		for phase, option := range map[string]signals.ConnectOption{"commit": signals.AfterCommit(), "rollback": signals.AfterRollback()} {
			signals.For[Harbor](tr.with).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Harbor]) error {
				heard = append(heard, phase+" "+e.Instance.Name)
				return nil
			}, option)
		}
		tx := tr.with.Begin()
		require.NoError(t, tx.Create(&Harbor{ID: 3, Name: "new"}).Error)
		require.NoError(t, tx.Exec("CREATE TABLE extras (id int)").Error)
		require.NoError(t, tx.Rollback().Error)
		assert.Equal(t, []string{"commit new"}, heard, "the DDL has committed it")
		assert.Contains(t, tr.stored(t, tr.with), "3", "the rollback comes too late")
	})
}

func TestReturningOfMariaDBFillsWhatItFillsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := accounts(t, open)
		assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			a := Account{Shop: 7, Number: 7}
			return db.Clauses(clause.Returning{}).Create(&a), a
		}), 1)
		assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			var gone []Account
			return db.Clauses(clause.Returning{}).Where("id < 4").Delete(&gone), gone
		}), 3, "MariaDB has DELETE ... RETURNING, and MySQL deletes without")
		tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { // a syntax error of MariaDB, where RETURNING is on
			var changed []Account
			return db.Model(&changed).Clauses(clause.Returning{}).Where("shop = 7").Update("points", 1), changed
		})
	})
}

func TestLimitAndOrderOfMySQLPickTheRows(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := accounts(t, open)
		assert.ElementsMatch(t, []string{"update 3 nil 2/1 30 -> 3 nil 2/1 31", "update 2 b 1/2 20 -> 2 b 1/2 21"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Account{}).Where("points > 0").Order("points DESC").Limit(2).Update("points", gorm.Expr("points + 1")), nil
		}))
		assert.Equal(t, []string{"delete 1 a 1/1 10"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			return db.Where("points > 0").Order("points").Limit(1).Delete(&Account{}), nil
		}))
	})
}

// Track has a place in the order of a list.
type Track struct {
	ID    uint
	Place int `gorm:"uniqueIndex"`
	Name  string
}

func TestAnUpdateInAnOrderIsWrittenInTheOrder(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := newTruth(t, open, func(one *Track) string { return fmt.Sprint(one.Name, one.Place) })
		tr.both(t, func(db *gorm.DB) *gorm.DB {
			return db.Create(&[]Track{{Place: 1, Name: "a"}, {Place: 2, Name: "b"}, {Place: 3, Name: "c"}, {Place: 4, Name: "d"}, {Place: 5, Name: "e"}})
		})
		assert.ElementsMatch(t, []string{"update b2 -> b3", "update c3 -> c4", "update d4 -> d5", "update e5 -> e6"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Track{}).Where("place >= 2").Order("place DESC").Update("place", gorm.Expr("place + 1")), nil
		}), "there is a place for everyone that way only")
	})
}

// Medley has a column of most types that MySQL has and others have not.
type Medley struct {
	ID     uint
	Flag   []byte  `gorm:"type:bit(8)"`
	Tiny   bool    `gorm:"type:tinyint(1)"`
	Small  int8    `gorm:"type:tinyint"`
	Kind   string  `gorm:"type:enum('x','y')"`
	Kinds  string  `gorm:"type:set('x','y','z')"`
	Price  string  `gorm:"type:decimal(10,2)"`
	Single float32 `gorm:"type:float"`
	Double float64 `gorm:"type:double"`
	Code   string  `gorm:"type:char(5)"`
	Bytes  []byte  `gorm:"type:varbinary(20)"`
	Born   int     `gorm:"type:year"`
	Clock  string  `gorm:"type:time(0)"`
	Doc    string  `gorm:"type:json"`
	Maybe  *string `gorm:"type:text"`
	At     *time.Time
}

func TestEveryTypeOfMySQLSendsAndIsNotChangedByARoundTrip(t *testing.T) {
	t.Parallel()
	for _, params := range [][]string{nil, {"interpolateParams=true"}} {
		t.Run(fmt.Sprint(params), func(t *testing.T) {
			t.Parallel()
			onMySQL(t, func(t *testing.T, open ownDB) {
				t.Helper()
				more := func(t *testing.T, _ ...string) *gorm.DB { t.Helper(); return open(t, params...) }
				tr := newTruth(t, more, func(m *Medley) string {
					copied := *m
					copied.At, copied.Maybe = nil, nil
					return fmt.Sprint(copied, m.At.UTC(), *m.Maybe)
				})
				medley := func(id uint) Medley {
					return Medley{
						ID: id, Flag: []byte{5}, Tiny: true, Small: -5, Kind: "y", Kinds: "x,z", Price: "1.50", Single: 0.1, Double: 0.1, Code: "ab", Bytes: []byte{0, 255},
						Born: 2024, Clock: "08:30:00", Doc: `{"a": 1}`, Maybe: new("m"), At: new(clock().In(time.FixedZone("far", 3600))),
					}
				}
				assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					all := []Medley{medley(1), medley(2), medley(3)}
					return db.Create(&all), all
				}), 3)
				assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					m := medley(2)
					return db.Save(&m), m
				}), 1, "and Changed is false")
				for _, values := range []map[string]any{
					{"flag": []byte{6}},
					{"small": gorm.Expr("small - 1")},
					{"kind": "x"},
					{"kinds": "y"},
					{"price": "2.25"},
					{"single": gorm.Expr("single * 2")},
					{"code": "cd"},
					{"bytes": []byte("b")},
					{"born": gorm.Expr("born + 1")},
					{"clock": gorm.Expr("addtime(clock, '01:00')")},
					{"at": clock().Add(time.Hour)},
				} {
					assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return db.Model(&Medley{}).Where("id > 0").Updates(values), nil }), 3, "%v", values)
				}
				assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return db.Where("born > 2000").Delete(&Medley{}), nil }), 3)
			})
		})
	}
}

func TestKeysOfAnUpsertOfNewRowsAreThoseWithoutThePlugin(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := newTruth(t, func(t *testing.T, params ...string) *gorm.DB {
			t.Helper()
			return open(t, append(params, "auto_increment_increment=3", "auto_increment_offset=2")...)
		}, showAccount)
		var given [2][]Account
		for i, db := range []*gorm.DB{tr.plain, tr.with} {
			given[i] = []Account{{Shop: 1}, {Shop: 2}, {Shop: 3}}
			require.NoError(t, db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&given[i]).Error)
		}
		assert.Equal(t, given[0], given[1])
		assert.Equal(t, tr.stored(t, tr.plain), tr.stored(t, tr.with))
	})
}
