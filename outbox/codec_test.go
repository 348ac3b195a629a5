package outbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// Money is stored as a text, with a Valuer on the value and a Scanner on the pointer.
type Money struct{ Cents int64 }

func (m Money) Value() (driver.Value, error) { return fmt.Sprintf("%d ct", m.Cents), nil }

func (m *Money) Scan(v any) error {
	switch v := v.(type) {
	case string:
		_, err := fmt.Sscanf(v, "%d ct", &m.Cents)
		return err
	case []byte:
		return m.Scan(string(v))
	}
	return fmt.Errorf("no money: %T", v)
}

// Point has its Valuer on the pointer.
type Point struct{ x, y float64 }

func (p *Point) Value() (driver.Value, error) {
	if p == nil {
		return nil, nil
	}
	return []byte(fmt.Sprintf("%g;%g", p.x, p.y)), nil
}

func (p *Point) Scan(v any) error {
	switch v := v.(type) {
	case string:
		return p.Scan([]byte(v))
	case []byte:
		_, err := fmt.Sscanf(string(v), "%g;%g", &p.x, &p.y)
		return err
	}
	return fmt.Errorf("no point: %T", v)
}

// Secret hides its value in JSON.
type Secret string

func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"***"`), nil }

// Level writes a text in JSON that it cannot read back.
type Level int

func (l Level) MarshalText() ([]byte, error) { return []byte(fmt.Sprint("level ", int(l))), nil }

// Address is embedded.
type Address struct {
	Street string
	Since  time.Time
	Number *int32
}

// Wide has a column of every type.
type Wide struct {
	ID        uint64 `gorm:"primaryKey;autoIncrement:false"`
	I         int
	I8        int8
	I16       int16
	I32       int32
	I64       int64
	U8        uint8
	U16       uint16
	U32       uint32
	U         uint // SQLite has no larger integers
	U64       uint64
	F32       float32
	F64       float64
	B         bool
	S         string
	Bytes     []byte
	At        time.Time
	PI        *int64
	PU        *uint64
	PS        *string
	PF        *float64
	PB        *bool
	PAt       *time.Time
	NS        sql.NullString
	NI        sql.NullInt64
	NF        sql.NullFloat64
	NB        sql.NullBool
	NT        sql.NullTime
	N         sql.Null[string]
	PNS       *sql.NullString
	Money     Money
	PMoney    *Money
	PPoint    *Point
	Secret    Secret
	Level     Level
	Pause     time.Duration
	Tags      []string          `gorm:"serializer:json"`
	Map       map[string]any    `gorm:"serializer:json"`
	Inner     *Address          `gorm:"serializer:json"`
	Gob       map[string]uint64 `gorm:"serializer:gob"`
	Unix      int64             `gorm:"serializer:unixtime;type:datetime"`
	Address   Address           `gorm:"embedded;embeddedPrefix:home_"`
	PAddress  *Address          `gorm:"embedded;embeddedPrefix:work_"`
	DeletedAt gorm.DeletedAt
}

// random returns a value of edge, or one that other makes.
func random[T any](r *rand.Rand, edge []T, other func() T) T {
	if i := r.IntN(len(edge) + 2); i < len(edge) {
		return edge[i]
	}
	return other()
}

func maybe[T any](r *rand.Rand, v T) *T {
	if r.IntN(3) == 0 {
		return nil
	}
	return &v
}

func randomText(r *rand.Rand) string {
	return random(r, []string{"", "null", "{}", `{"bytes":"YQ=="}`, "a\xffb\xfe", "\xed\xa0\x80", "<a&b>\u2028", "ü\U0001F600", "\x00\x01", "\ufffd", `"quoted"\`},
		func() string {
			b := make([]byte, r.IntN(9))
			for i := range b {
				b[i] = byte(r.UintN(256))
			}
			return string(b)
		})
}

func randomTime(r *rand.Rand) time.Time {
	zones := []*time.Location{time.UTC, time.FixedZone("", 5*3600+1800), time.FixedZone("X", -7*3600), time.FixedZone("", 3600+17*60+32)}
	return random(r, []time.Time{{}, time.Unix(0, 0).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)}, func() time.Time {
		return time.Unix(r.Int64N(1<<32), r.Int64N(1e9)).In(zones[r.IntN(len(zones))])
	})
}

func randomFloat(r *rand.Rand) float64 {
	return random(r, []float64{0, math.Copysign(0, -1), 1, 1e300, math.SmallestNonzeroFloat64, math.MaxFloat64, 0.1, 1 << 60, math.Inf(1), math.Inf(-1)}, r.NormFloat64)
}

func randomUint(r *rand.Rand) uint64 {
	return random(r, []uint64{0, 1, math.MaxInt64, 1<<53 + 1}, func() uint64 { return r.Uint64() >> 1 }) // SQLite has no larger ones
}

func randomInt(r *rand.Rand) int64 {
	return random(r, []int64{0, -1, math.MaxInt64, math.MinInt64, 1<<53 + 1}, r.Int64)
}

func randomAddress(r *rand.Rand) Address {
	return Address{Street: randomText(r), Since: randomTime(r), Number: maybe(r, r.Int32())}
}

func randomWide(r *rand.Rand, id uint64) *Wide {
	text := randomText(r)
	w := &Wide{
		ID: id, I: int(randomInt(r)), I8: int8(r.Int()), I16: int16(r.Int()), I32: r.Int32(), I64: randomInt(r), U8: uint8(r.Uint32()),
		U16: uint16(r.Uint32()), U32: r.Uint32(), U: uint(randomUint(r)), U64: randomUint(r), F32: float32(r.NormFloat64()), F64: randomFloat(r),
		B: r.IntN(2) == 0, S: randomText(r), Bytes: []byte(randomText(r)), At: randomTime(r), PI: maybe(r, randomInt(r)), PU: maybe(r, randomUint(r)),
		PS: maybe(r, randomText(r)), PF: maybe(r, randomFloat(r)), PB: maybe(r, true), PAt: maybe(r, randomTime(r)),
		NS: sql.NullString{String: text, Valid: true}, NI: sql.NullInt64{Int64: randomInt(r), Valid: true},
		NF: sql.NullFloat64{Float64: randomFloat(r), Valid: true}, NB: sql.NullBool{Bool: true, Valid: true},
		NT: sql.NullTime{Time: randomTime(r), Valid: true}, N: sql.Null[string]{V: text, Valid: true},
		PNS: maybe(r, sql.NullString{String: text, Valid: true}), Money: Money{randomInt(r)}, PMoney: maybe(r, Money{randomInt(r)}),
		PPoint: maybe(r, Point{r.Float64(), 1}), Secret: Secret(text), Level: Level(r.IntN(9)), Pause: time.Duration(randomInt(r)),
		Tags: []string{"a", "b"}, Map: map[string]any{"a": "b", "n": 1.5}, Inner: maybe(r, Address{Street: "s"}), Gob: map[string]uint64{"x": randomUint(r)},
		Unix: r.Int64N(1 << 32), Address: randomAddress(r), PAddress: maybe(r, randomAddress(r)),
	}
	if r.IntN(2) == 0 {
		w.NS, w.NI, w.NF, w.NB, w.NT, w.N = sql.NullString{}, sql.NullInt64{}, sql.NullFloat64{}, sql.NullBool{}, sql.NullTime{}, sql.Null[string]{}
		w.Bytes, w.Tags, w.Map, w.Gob = nil, nil, nil, nil
	}
	return w
}

// wideEvent holds all answers of an event to a receiver.
type wideEvent struct {
	signal                                           string
	instance, original                               *Wide
	changes                                          []signals.Change
	fields                                           []string
	created, restored, changed, soft, cascade, isRaw bool
	err                                              error
}

// hearWide connects to both signals and appends the events.
func hearWide(db *gorm.DB, to *[]wideEvent, opts ...signals.ConnectOption) {
	m := signals.For[Wide](db)
	m.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Wide]) error {
		h := wideEvent{
			signal: "post_save", instance: e.Instance, changes: e.Changes(), fields: e.UpdateFields(), created: e.Created, restored: e.Restored(),
			changed: e.Changed("S", "At", "PU"), isRaw: e.Raw(),
		}
		h.original, h.err = e.Original()
		*to = append(*to, h)
		return nil
	}, opts...)
	m.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Wide]) error {
		*to = append(*to, wideEvent{signal: "post_delete", instance: e.Instance, soft: e.Soft, cascade: e.Cascade, isRaw: e.Raw()})
		return nil
	}, opts...)
}

// same compares events. For GORM, a nil pointer to an embedded struct equals an empty struct.
func same(t *testing.T, want, got wideEvent) {
	t.Helper()
	for _, w := range []*Wide{want.instance, want.original, got.instance, got.original} {
		if w != nil && w.PAddress != nil && *w.PAddress == (Address{}) {
			w.PAddress = nil
		}
	}
	require.Equal(t, dump(want.instance), dump(got.instance))
	require.Equal(t, dump(want.original), dump(got.original))
	require.Equal(t, dump(want.changes), dump(got.changes))
	want.instance, want.original, want.changes, got.instance, got.original, got.changes = nil, nil, nil, nil, nil, nil
	require.True(t, errors.Is(got.err, want.err))
	want.err, got.err = nil, nil
	require.Equal(t, want, got)
}

func TestWhatWasKeptIsWhatAfterCommitHears(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			db := open(t, &Wide{})
			ob := install(t, db, outbox.Config{ErrorHandler: func(_ context.Context, err error) { t.Error(err) }})
			var want, got []wideEvent
			hearWide(db, &want, signals.AfterCommit())
			hearWide(db, &got, outbox.Durable(ob, "search"))
			for i, write := range []func() error{
				func() error { return db.Create(randomWide(r, 1)).Error },
				func() error { return db.Create([]*Wide{randomWide(r, math.MaxInt64), randomWide(r, 3)}).Error },
				func() error { return db.Save(randomWide(r, 1)).Error },
				func() error {
					return db.Model(&Wide{ID: 3}).Select("S", "PU", "At", "Inner", "Money").Updates(randomWide(r, 3)).Error
				},
				func() error { return db.Model(&Wide{}).Where("id < 9").Update("s", gorm.Expr("s || 'x'")).Error },
				func() error {
					return db.WithContext(signals.Raw(t.Context())).Model(&Wide{ID: 3}).Updates(map[string]any{"i8": 5}).Error
				},
				func() error { return db.Delete(&Wide{ID: 3}).Error },
				func() error { return db.Unscoped().Model(&Wide{ID: 3}).Update("deleted_at", nil).Error },
				func() error { return db.Unscoped().Where("id < 9").Delete(&Wide{}).Error },
			} {
				require.NoError(t, write(), "write %d", i)
			}
			require.Len(t, want, 12)
			require.Len(t, got, len(want))
			for i := range want {
				same(t, want[i], got[i])
			}
		})
	}
}

func TestNumbersThatAreNoneAreKept(t *testing.T) {
	t.Parallel()
	db := open(t, &Wide{})
	ob := install(t, db, outbox.Config{})
	var got []wideEvent
	hearWide(db, &got, outbox.Durable(ob, "search"))
	nan := math.NaN()
	require.NoError(t, db.Create(&Wide{ID: 1, F64: nan, PF: &nan, F32: float32(math.Inf(-1))}).Error)
	require.Len(t, got, 1)
	assert.True(t, math.IsNaN(got[0].instance.F64))
	assert.True(t, math.IsNaN(*got[0].instance.PF))
	assert.True(t, math.IsInf(float64(got[0].instance.F32), -1))
	assert.Equal(t, 1, entries(t, db)[0].State)
}

func TestKeepingAnEventChangesNoInstance(t *testing.T) {
	t.Parallel()
	db := open(t, &Wide{})
	ob := install(t, db, outbox.Config{})
	var got []wideEvent
	hearWide(db, &got, outbox.Durable(ob, "search"))
	w := &Wide{ID: 1}
	require.NoError(t, db.Create(w).Error)
	assert.Nil(t, w.PAddress)
}
