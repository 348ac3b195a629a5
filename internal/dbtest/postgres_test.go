package dbtest_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// onPostgres runs a test on PostgreSQL with both of its protocols.
func onPostgres(t *testing.T, test func(t *testing.T, open ownDB)) {
	t.Helper()
	all := servers()
	s := all[slices.IndexFunc(all, func(s server) bool { return s.name == "postgres" })]
	s.dsn = cmp.Or(os.Getenv("SIGNALS_TEST_POSTGRES_DSN"), s.dsn)
	for _, simple := range []bool{false, true} {
		t.Run(fmt.Sprint("simple=", simple), func(t *testing.T) {
			t.Parallel()
			test(t, func(t *testing.T, params ...string) *gorm.DB {
				t.Helper()
				own, ok := s.make(t, s).(*postgres.Dialector)
				require.True(t, ok)
				dsn := own.DSN
				for _, p := range params {
					dsn += " " + p
				}
				return connect(t, postgres.New(postgres.Config{DSN: dsn, PreferSimpleProtocol: simple}), &gorm.Config{NowFunc: clock})
			})
		})
	}
}

// truthOf is newTruth with tables of its own making.
func truthOf[M any](t *testing.T, open ownDB, show func(*M) string, ddl ...string) *truth[M] {
	t.Helper()
	tr := &truth[M]{with: open(t), plain: open(t), show: show}
	for _, sql := range ddl {
		tr.both(t, func(db *gorm.DB) *gorm.DB { return db.Exec(sql) })
	}
	tr.listen(t, signals.Plugin{BatchSize: 2})
	return tr
}

// Document is JSON as it was written.
type Document []byte

// Value implements [driver.Valuer].
func (d Document) Value() (driver.Value, error) {
	if len(d) == 0 {
		return nil, nil //nolint:nilnil // NULL
	}
	return string(d), nil
}

// Scan implements [database/sql.Scanner].
func (d *Document) Scan(value any) error {
	switch v := value.(type) {
	case []byte:
		*d = bytes.Clone(v)
	case string:
		*d = Document(v)
	}
	return nil
}

// Money is a number without rounding.
type Money struct{ *big.Rat }

// Value implements [driver.Valuer].
func (m Money) Value() (driver.Value, error) {
	if m.Rat == nil {
		return nil, nil //nolint:nilnil // NULL
	}
	return m.FloatString(4), nil
}

// Scan implements [database/sql.Scanner].
func (m *Money) Scan(value any) error {
	m.Rat = nil
	if value != nil {
		m.Rat, _ = new(big.Rat).SetString(fmt.Sprint(value))
	}
	return nil
}

func money(s string) Money {
	r, _ := new(big.Rat).SetString(s)
	return Money{r}
}

// Gadget has a column of most types that PostgreSQL has and others have not.
type Gadget struct {
	ID     string         `gorm:"type:uuid;primaryKey;default:gen_random_uuid()"`
	Mood   string         `gorm:"type:mood;default:'calm'"`
	Tags   pq.StringArray `gorm:"type:text[]"`
	Counts pq.Int64Array  `gorm:"type:bigint[]"`
	Doc    Document       `gorm:"type:jsonb"`
	Prefs  map[string]any `gorm:"type:jsonb;serializer:json"`
	Blob   []byte
	Addr   string `gorm:"type:inet"`
	Price  Money  `gorm:"type:numeric(12,4)"`
	At     time.Time
	Maybe  *time.Time
	Day    time.Time `gorm:"type:date"`
	Short  time.Time `gorm:"type:timestamptz(3)"`
	Clock  string    `gorm:"type:time"`
	Number int64     `gorm:"->;default:(-)"`
	Twice  string    `gorm:"->;default:(-)"`
}

const (
	moods        = `CREATE TYPE mood AS ENUM ('sad', 'calm', 'happy')`
	gadgetsTable = `CREATE TABLE gadgets (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), mood mood DEFAULT 'calm', tags text[], counts bigint[],
		doc jsonb, prefs jsonb, blob bytea, addr inet, price numeric(12,4), at timestamptz, maybe timestamptz, day date, short timestamptz(3),
		clock time, number bigint GENERATED ALWAYS AS IDENTITY, twice numeric(13,4) GENERATED ALWAYS AS (price * 2) STORED)`
)

func showGadget(g *Gadget) string {
	prefs, _ := json.Marshal(g.Prefs)
	maybe := "nil"
	if g.Maybe != nil {
		maybe = g.Maybe.UTC().Round(time.Microsecond).Format(time.RFC3339Nano)
	}
	return fmt.Sprint(g.Mood, g.Tags, g.Counts, fmt.Sprintf(" %s %s %x ", g.Doc, prefs, g.Blob), g.Addr, " ", g.Price.Rat, " ",
		g.At.UTC().Round(time.Microsecond).Format(time.RFC3339Nano), " ", maybe, " ", g.Day.Format(time.DateOnly), " ",
		g.Short.UTC().Round(time.Millisecond).Format(time.RFC3339Nano), " ", g.Clock, " ", g.Number, " ", g.Twice)
}

func gadget(n int) Gadget {
	at := time.Date(2024, 5, 17, 8, 30, n, 123_456_000, time.FixedZone("far", 5*3600))
	return Gadget{
		Mood: "happy", Tags: pq.StringArray{"a b", `"`, ""}, Counts: pq.Int64Array{1, int64(n)}, Doc: Document(`{"a": 1, "b": [2]}`),
		Prefs: map[string]any{"x": "y", "n": 1.5}, Blob: []byte{0, 255, byte(n)}, Addr: fmt.Sprint("10.0.0.", n), Price: money("12.5"),
		At: at, Maybe: &at, Day: time.Date(2024, 5, 17, 0, 0, 0, 0, time.UTC), Short: at.Truncate(time.Millisecond), Clock: "08:30:00",
	}
}

// gadgets makes five gadgets.
func gadgets(t *testing.T, open ownDB) (*truth[Gadget], []string) {
	t.Helper()
	tr := truthOf(t, open, showGadget, moods, gadgetsTable)
	tr.apart = true
	var ids []string
	assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
		all := []Gadget{gadget(1), gadget(2), gadget(3), gadget(4), gadget(5)}
		result := db.Create(&all)
		ids = nil
		for _, g := range all {
			require.NotEmpty(t, g.ID, "a key by default is in the instance")
			ids = append(ids, g.ID)
		}
		return result, nil
	}), 5)
	return tr, ids
}

func TestAKeyByDefaultIsInPostSave(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr, ids := gadgets(t, open)
		for i, e := range tr.post {
			assert.Equal(t, ids[i], e.key)
			assert.Empty(t, tr.pre[i].key, "it is not known before the INSERT")
		}
	})
}

func TestEveryTypeOfPostgreSQLSendsInBatchesOfConditionalWrites(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr, _ := gadgets(t, open)
		for _, values := range []any{
			map[string]any{"mood": "sad"},
			map[string]any{"tags": pq.StringArray{"x"}},
			map[string]any{"tags": gorm.Expr("array_append(tags, ?)", "new")},
			map[string]any{"doc": Document(`{"c": 3}`)},
			map[string]any{"doc": gorm.Expr(`doc || '{"d": 4}'`)},
			Gadget{Prefs: map[string]any{"z": true}},
			map[string]any{"blob": []byte("blob")},
			map[string]any{"addr": "10.0.0.9"},
			map[string]any{"addr": gorm.Expr("addr + 1")},
			map[string]any{"price": money("0.25")},
			map[string]any{"price": gorm.Expr("price + 1")},
			map[string]any{"maybe": nil},
			map[string]any{"at": gorm.Expr("at + interval '1 microsecond'")},
			map[string]any{"mood": gorm.Expr("DEFAULT")},
			map[string]any{"mood": "calm"},
		} {
			lines := tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return db.Model(&Gadget{}).Where("price > 0").Updates(values), nil })
			assert.Len(t, lines, 5, "%v", values)
		}
		assert.Len(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return db.Where("? = ANY(tags)", "new").Delete(&Gadget{}), nil }), 5)
	})
}

func TestARoundTripOfPostgreSQLChangesNothing(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr, ids := gadgets(t, open)
		changes := []signals.Change{}
		signals.For[Gadget](tr.with).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Gadget]) error {
			changes = e.Changes()
			return nil
		})
		given := gadget(1)
		given.ID, given.Number, given.Twice = ids[0], 1, "25.0000"
		require.NoError(t, tr.with.Save(&given).Error)
		assert.Empty(t, changes, "the values as they were given")
		var loaded Gadget
		require.NoError(t, tr.with.First(&loaded, "id = ?", ids[1]).Error)
		require.NoError(t, tr.with.Save(&loaded).Error)
		assert.Empty(t, changes, "the values as they are stored")
		loaded.At = loaded.At.Add(time.Microsecond)
		loaded.Short = loaded.Short.Add(time.Millisecond)
		require.NoError(t, tr.with.Save(&loaded).Error)
		assert.Len(t, changes, 2, "the shortest times that the columns know")
	})
}

func TestValuesThatPostgreSQLWritesInItsOwnWayAreUnchangedByASave(t *testing.T) {
	t.Parallel()
	for field, set := range map[string]func(g *Gadget){
		"Doc":   func(g *Gadget) { g.Doc = Document(`{"b":[2],"a":1}`) },
		"Price": func(g *Gadget) { g.Price = money("12.50000") },
		"Short": func(g *Gadget) { g.Short = g.Short.Add(400 * time.Microsecond) },
		"At":    func(g *Gadget) { g.At = g.At.Add(400 * time.Nanosecond) },
		"Day":   func(g *Gadget) { g.Day = g.Day.Add(9 * time.Hour) },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr, ids := gadgets(t, open)
				changes := []signals.Change{}
				signals.For[Gadget](tr.with).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Gadget]) error {
					changes = e.Changes()
					return nil
				})
				before := tr.stored(t, tr.with)
				given := gadget(1)
				given.ID, given.Number, given.Twice = ids[0], 1, "25.0000"
				set(&given)
				require.NoError(t, tr.with.Save(&given).Error)
				require.Equal(t, before, tr.stored(t, tr.with))
				assert.Empty(t, changes)
			})
		})
	}
}

func TestAUUIDInCapitalsIsTheSameRow(t *testing.T) {
	t.Parallel()
	const small, capital = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"
	columns := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"addr"})}
	for name, one := range map[string]struct {
		do   func(db *gorm.DB) *gorm.DB
		want []string
	}{
		"Updates": {func(db *gorm.DB) *gorm.DB { return db.Model(&Gadget{ID: capital}).Update("addr", "10.0.0.7") }, []string{"update 1 -> 7"}},
		"Expr": {func(db *gorm.DB) *gorm.DB {
			return db.Model(&Gadget{ID: capital}).Update("addr", gorm.Expr("addr + 6"))
		}, []string{"update 1 -> 7"}},
		"Save": {func(db *gorm.DB) *gorm.DB {
			g := gadget(7)
			g.ID = capital
			return db.Save(&g)
		}, []string{"update 1 -> 7"}},
		"Delete": {func(db *gorm.DB) *gorm.DB { return db.Delete(&Gadget{ID: capital}) }, []string{"delete 1"}},
		"upsert": {func(db *gorm.DB) *gorm.DB {
			all := []Gadget{gadget(7), gadget(8)}
			all[0].ID = capital
			return db.Clauses(columns).Create(&all)
		}, []string{"update 1 -> 7", "create 8"}},
		"new and DoNothing": {func(db *gorm.DB) *gorm.DB {
			all := []Gadget{gadget(7), gadget(8)}
			all[0].ID, all[1].ID = "B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", small
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&all)
		}, []string{"create 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPostgres(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr := truthOf(t, open, func(g *Gadget) string { return g.Addr[len("10.0.0."):] }, moods, gadgetsTable)
				tr.key = func(g *Gadget) string { return strings.ToLower(g.ID) }
				tr.apart = true
				tr.both(t, func(db *gorm.DB) *gorm.DB {
					g := gadget(1)
					g.ID = small
					return db.Create(&g)
				})
				assert.Equal(t, one.want, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return one.do(db), nil }))
			})
		})
	}
}
