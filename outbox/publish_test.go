package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/outbox"
)

// Line has a composite key with a text.
type Line struct {
	OrderID uint   `gorm:"primaryKey;autoIncrement:false"`
	SKU     string `gorm:"primaryKey"`
	Count   int
}

// ProductV1 is the payload of published products.
type ProductV1 struct {
	Number uint   `json:"number"`
	Title  string `json:"title"`
}

func TestTypesAndSubjectsOfEvents(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Page{}, &Line{})
	ob := install(t, db, outbox.Config{TypePrefix: "com.acme"})
	outbox.Publish[Product](ob, outbox.Version(2))
	outbox.Publish[Page](ob)
	outbox.Publish[Line](ob)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Save(&Product{ID: 1, Name: "b"}).Error)
	require.NoError(t, db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Product{{ID: 1, Name: "c"}, {ID: 2, Name: "d"}}).Error)
	require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Product{ID: 1, Name: "e"}).Error)
	require.NoError(t, db.Delete(&Product{}, 1).Error)
	require.NoError(t, db.Create(&Page{Title: "home"}).Error)
	require.NoError(t, db.Delete(&Page{}, 1).Error)
	require.NoError(t, db.Unscoped().Model(&Page{ID: 1}).Update("deleted_at", nil).Error)
	require.NoError(t, db.Unscoped().Delete(&Page{}, 1).Error)
	require.NoError(t, db.Create(&[]Line{{OrderID: 1, SKU: "a/b, c"}, {OrderID: 1, SKU: "ü%"}, {OrderID: 1, SKU: ""}}).Error)
	require.NoError(t, db.Model(&Line{}).Where("sku = ?", "a/b, c").Update("count", 3).Error)
	assert.Equal(t, []string{
		"com.acme.products.created.v2 products/1",
		"com.acme.products.updated.v2 products/1",
		"com.acme.products.updated.v2 products/1",
		"com.acme.products.created.v2 products/2",
		"com.acme.products.deleted.v2 products/1",
		"com.acme.pages.created.v1 pages/1",
		"com.acme.pages.deleted.v1 pages/1",
		"com.acme.pages.updated.v1 pages/1",
		"com.acme.pages.deleted.v1 pages/1",
		"com.acme.lines.created.v1 lines/1,a%2Fb%2C%20c",
		"com.acme.lines.created.v1 lines/1,%C3%BC%25",
		"com.acme.lines.created.v1 lines/1,",
		"com.acme.lines.updated.v1 lines/1,a%2Fb%2C%20c",
	}, kept(t, db))
}

func TestAMessageCarriesWhatItsRowWas(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Headers: func(ctx context.Context) map[string]string {
		if trace, ok := ctx.Value(traceKey{}).(string); ok {
			return map[string]string{"traceparent": trace}
		}
		return nil
	}})
	outbox.Publish[Product](ob, outbox.Payload(func(p *Product) any { return ProductV1{p.ID, p.Name} }))
	begin := time.Now().Add(-time.Second)
	traced := db.WithContext(context.WithValue(t.Context(), traceKey{}, "00-ab-cd-01"))
	require.NoError(t, traced.Create(&Product{Name: "a\xff<b>"}).Error)
	require.NoError(t, db.Model(&Product{ID: 1}).Update("name", "b").Error)
	require.NoError(t, db.Delete(&Product{}, "name = ?", "b").Error)
	sink := &memory{}
	n, err := ob.Relay(sink).Drain(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, n)
	got := sink.messages()
	for i, m := range got {
		assert.Regexp(t, regexp.MustCompile("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"), m.ID)
		assert.Equal(t, "/shop", m.Source)
		assert.Equal(t, "products/1", m.Subject)
		assert.Equal(t, "application/json", m.ContentType)
		assert.WithinRange(t, m.Time, begin, time.Now().Add(time.Second))
		assert.Equal(t, time.UTC, m.Time.Location())
		if i > 0 {
			assert.Greater(t, m.Sequence, got[i-1].Sequence)
			assert.NotEqual(t, m.ID, got[i-1].ID)
		}
	}
	assert.Equal(t, map[string]string{"traceparent": "00-ab-cd-01"}, got[0].Extensions)
	assert.Empty(t, got[1].Extensions)
	assert.JSONEq(t, `{"number": 1, "title": "b"}`, string(got[1].Data))
	assert.JSONEq(t, `{"number": 1, "title": "b"}`, string(got[2].Data), "what was deleted")
}

type traceKey struct{}

func TestAHeaderThatIsNoAttributeFailsTheWrite(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Trace", "trace-parent", "ü"} {
		db := open(t, &Product{})
		ob := install(t, db, outbox.Config{Headers: func(context.Context) map[string]string { return map[string]string{name: "x"} }})
		outbox.Publish[Product](ob)
		require.ErrorContains(t, db.Create(&Product{Name: "a"}).Error, "Config.Headers")
		var n int64
		require.NoError(t, db.Model(&Product{}).Count(&n).Error)
		assert.Zero(t, n)
	}
}

func TestAPayloadThatHasNoJSONFailsTheWrite(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Product](ob, outbox.Payload(func(*Product) any { return math.NaN() }))
	require.ErrorContains(t, db.Create(&Product{Name: "a"}).Error, "the payload of products.created.v1")
	outbox.Publish[Product](ob, outbox.Payload(func(*Product) any { panic("boom") }))
	require.ErrorContains(t, db.Create(&Product{Name: "a"}).Error, "boom")
	var n int64
	require.NoError(t, db.Model(&Product{}).Count(&n).Error)
	assert.Zero(t, n)
	assert.Empty(t, entries(t, db))
}

func TestManyRowsOfOneStatementAreAllKept(t *testing.T) {
	t.Parallel()
	for _, n := range []int{99, 100, 101, 200, 501, 1234} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			ob := install(t, db, outbox.Config{})
			outbox.Publish[Product](ob)
			rows := make([]Product, n)
			for i := range rows {
				rows[i].Name = fmt.Sprint("p", i)
			}
			require.NoError(t, db.Create(&rows).Error)
			require.NoError(t, db.Model(&Product{}).Where("1 = 1").Update("price", 3).Error)
			require.NoError(t, db.Where("1 = 1").Delete(&Product{}).Error)
			all := entries(t, db)
			require.Len(t, all, 3*n)
			var p Product
			for i := range n {
				assert.Equal(t, fmt.Sprintf("products.created.v1 products/%d", i+1), all[i].Type+" "+all[i].Subject)
				require.NoError(t, json.Unmarshal([]byte(all[n+i].Data), &p))
				assert.EqualValues(t, 3, p.Price)
			}
			sink := &memory{}
			relay := ob.Relay(sink, outbox.Batch(77))
			for {
				sent, err := relay.Drain(t.Context())
				require.NoError(t, err)
				if sent == 0 {
					break
				}
			}
			assert.Len(t, sink.messages(), 3*n)
			inOrder(t, sink.messages())
		})
	}
}

// inOrder checks that the messages of each row come once each, by sequence.
func inOrder(t *testing.T, messages []outbox.Message) {
	t.Helper()
	last := map[string]uint64{}
	for _, m := range messages {
		require.Greater(t, m.Sequence, last[m.Subject], "%s %s", m.Subject, m.Type)
		last[m.Subject] = m.Sequence
	}
}

func TestOnlyWhatIsNamedIsPublished(t *testing.T) {
	t.Parallel()
	write := func(db *gorm.DB) {
		require.NoError(t, db.Exec("DELETE FROM signals_outbox").Error)
		require.NoError(t, db.Create(&Product{ID: 1, Name: "a"}).Error)
		require.NoError(t, db.Delete(&Product{ID: 1}).Error)
	}
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Product](ob, outbox.Saved)
	write(db)
	assert.Equal(t, []string{"products.created.v1 products/1"}, kept(t, db))
	first := outbox.Publish[Product](ob, outbox.Deleted, outbox.Version(2))
	write(db)
	assert.Equal(t, []string{"products.deleted.v2 products/1"}, kept(t, db), "publishing again replaces")
	stop := outbox.Publish[Product](ob)
	first()
	write(db)
	assert.Len(t, entries(t, db), 2, "the end of what was replaced ends nothing else")
	stop()
	stop()
	write(db)
	assert.Empty(t, entries(t, db))
}

func TestPublishingAgainLeavesNoGap(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	m := signals.For[Product](db)
	outbox.Publish[Product](ob)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := range 10_000 {
			outbox.Publish[Product](ob, outbox.Version(n+1))
		}
	}()
	looks, gaps := 0, 0
	for more := true; more; looks++ {
		select {
		case <-ended:
			more = false
		default:
		}
		if !m.PostSave.HasReceivers() || !m.PostDelete.HasReceivers() {
			gaps++
		}
	}
	assert.Zero(t, gaps, "of %d looks", looks)
	assert.Len(t, m.PostSave.Receivers(), 1)
	assert.Len(t, m.PostDelete.Receivers(), 1)
}

func TestTwoOutboxesOnOneDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	one := install(t, db, outbox.Config{})
	two := install(t, db, outbox.Config{Source: "/audit", Table: "audit_outbox"})
	outbox.Publish[Product](one)
	stop := outbox.Publish[Product](two, outbox.Deleted)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Delete(&Product{}, 1).Error)
	stop()
	require.NoError(t, db.Create(&Product{ID: 1, Name: "a"}).Error)
	require.NoError(t, db.Delete(&Product{}, 1).Error)
	for ob, want := range map[*outbox.Outbox]string{one: "/shop 4", two: "/audit 1"} {
		sink := &memory{}
		n, err := ob.Relay(sink).Drain(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, fmt.Sprint(sink.messages()[0].Source, " ", n))
	}
}

func TestBadOptionsOfPublishPanicWithACure(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	for text, publish := range map[string]func(){
		"Payload takes another model": func() { outbox.Publish[Product](ob, outbox.Payload(func(*Page) any { return 1 })) },
		"the function of Payload is":  func() { outbox.Publish[Product](ob, outbox.Payload[Product](nil)) },
		"count from 1":                func() { outbox.Publish[Product](ob, outbox.Version(0)) },
		"an option is nil":            func() { outbox.Publish[Product](ob, nil) },
		"outbox is nil":               func() { outbox.Publish[Product](nil) },
		"For[int]":                    func() { outbox.Publish[int](ob) },
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			defer func() { assert.Contains(t, strings.TrimSpace(fmt.Sprint(recover())), text) }()
			publish()
		})
	}
}

func TestBadConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	_, err := outbox.Install(nil, outbox.Config{Source: "/shop"})
	require.ErrorIs(t, err, signals.ErrNotInstalled)
	_, err = outbox.Install(&gorm.DB{}, outbox.Config{Source: "/shop"})
	require.ErrorIs(t, err, signals.ErrNotInstalled)
	_, err = outbox.Install(db, outbox.Config{})
	require.ErrorContains(t, err, "Config.Source")
	for _, cfg := range []outbox.Config{{MaxTries: -1}, {Poll: -1}, {Claim: -1}, {Retain: -1}} {
		cfg.Source = "/shop"
		_, err = outbox.Install(db, cfg)
		require.ErrorContains(t, err, "must not be negative")
	}
}

func TestARowKeepsItsSubjectWhateverTheTypeOfItsKey(t *testing.T) {
	t.Parallel()
	type Named struct {
		Name *string `gorm:"primaryKey"`
		N    int
	}
	type Timed struct {
		At time.Time `gorm:"primaryKey"`
		N  int
	}
	type Bytes struct {
		Key []byte `gorm:"primaryKey"`
		N   int
	}
	db := open(t, &Named{}, &Timed{}, &Bytes{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Named](ob)
	outbox.Publish[Timed](ob)
	outbox.Publish[Bytes](ob)
	name, now := "n", time.Now()
	require.NoError(t, db.Create(&Named{Name: &name}).Error)
	require.NoError(t, db.Model(&Named{}).Where("name = 'n'").Update("n", 1).Error)
	require.NoError(t, db.Create(&Timed{At: now}).Error)
	require.NoError(t, db.Model(&Timed{}).Where("n = 0").Update("n", 1).Error)
	require.NoError(t, db.Create(&Bytes{Key: []byte("ab")}).Error)
	require.NoError(t, db.Model(&Bytes{}).Where("n = 0").Update("n", 1).Error)
	all := entries(t, db)
	require.Len(t, all, 6)
	assert.Equal(t, "nameds/n", all[0].Subject)
	for i := 0; i < len(all); i += 2 {
		assert.Equal(t, all[i].Subject, all[i+1].Subject)
	}
}

func TestAnEventIsMadeAfterAllOtherReceivers(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	outbox.Publish[Product](ob, outbox.Payload(func(*Product) any {
		h.add("event")
		return nil
	}))
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
		h.add("receiver")
		return nil
	}, signals.Priority(-1000))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Equal(t, []string{"receiver", "event"}, h.lines())
}
