package behaviour_test

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
)

// Cipher is encrypted in the database, each time otherwise.
type Cipher struct{ Plain string }

func (c Cipher) Value() (driver.Value, error) { return rand.Text() + ":" + c.Plain, nil }
func (c *Cipher) Scan(v any) error {
	_, c.Plain, _ = strings.Cut(fmt.Sprintf("%s", v), ":")
	return nil
}

// Amount is a decimal number that keeps the scale it was given.
type Amount struct{ Text string }

func (a Amount) Value() (driver.Value, error) { return a.Text, nil }
func (a *Amount) Scan(v any) error {
	a.Text = fmt.Sprint(v)
	return nil
}

// Kept has columns whose values are read back otherwise than they are written.
type Kept struct {
	ID     uint
	Name   string
	No     Cipher         `gorm:"type:text"`
	Data   map[string]any `gorm:"serializer:json"`
	Times  []time.Time    `gorm:"serializer:json"`
	Counts map[string]int `gorm:"serializer:gob;type:blob"`
	Price  Amount         `gorm:"type:numeric(10,2)"`
	Sum    string         `gorm:"type:decimal(10,2)"`
	Ratio  float64
	Bytes  []byte
	Word   *string
}

func fullKept() Kept {
	return Kept{
		Name: "a", No: Cipher{"1"}, Data: map[string]any{"n": 1, "deep": []int{1, 2}}, Times: []time.Time{time.Now()},
		Counts: map[string]int{"a": 1, "b": 2, "c": 3}, Price: Amount{"1.50"}, Sum: "2.10", Ratio: math.Inf(1), Bytes: []byte{},
	}
}

// changedFields connects receivers that note which fields change.
func changedFields[M any](s *signals.ModelSignals[*M]) map[string][]string {
	changed := map[string][]string{}
	note := func(phase string) signals.Receiver[signals.SaveEvent[*M]] {
		return func(_ context.Context, e signals.SaveEvent[*M]) error {
			changed[phase] = nil
			for _, c := range e.Changes() {
				changed[phase] = append(changed[phase], c.Field)
			}
			return nil
		}
	}
	s.PreSave.Connect(note("pre"))
	s.PostSave.Connect(note("post"))
	s.PostSave.Connect(note("late"), signals.AfterCommit())
	return changed
}

func TestWhatIsReadBackOtherwiseIsNoChange(t *testing.T) {
	t.Parallel()
	db := open(t, &Kept{})
	k := fullKept()
	require.NoError(t, db.Create(&k).Error)
	changed := changedFields(signals.For[Kept](db))
	k.Name = "b"
	require.NoError(t, db.Save(&k).Error)
	assert.Equal(t, map[string][]string{"pre": {"Name"}, "post": {"Name"}, "late": {"Name"}}, changed)
	require.NoError(t, db.Model(&k).Updates(Kept{Name: "c", No: Cipher{"1"}, Data: k.Data, Price: Amount{"1.5"}}).Error)
	assert.Equal(t, map[string][]string{"pre": {"Name"}, "post": {"Name"}, "late": {"Name"}}, changed)
}

func TestWhatIsStoredOtherwiseIsAChange(t *testing.T) {
	t.Parallel()
	db := open(t, &Kept{})
	k := fullKept()
	require.NoError(t, db.Create(&k).Error)
	changed := changedFields(signals.For[Kept](db))
	word := ""
	for field, change := range map[string]func(){
		"No": func() { k.No.Plain = "2" }, "Data": func() { k.Data = map[string]any{"n": 2} }, "Times": func() { k.Times[0] = k.Times[0].Add(1) },
		"Counts": func() { k.Counts = map[string]int{"a": 2} }, "Price": func() { k.Price.Text = "1.51" }, "Sum": func() { k.Sum = "2.11" },
		"Ratio": func() { k.Ratio = 1 }, "Bytes": func() { k.Bytes = nil }, "Word": func() { k.Word = &word },
	} {
		change()
		require.NoError(t, db.Save(&k).Error, field)
		assert.Equal(t, map[string][]string{"pre": {field}, "post": {field}, "late": {field}}, changed)
	}
}

func TestNullAndEmptyDiffer(t *testing.T) {
	t.Parallel()
	db := open(t, &Kept{})
	require.NoError(t, db.Create(&Kept{}).Error)
	var changed bool
	signals.For[Kept](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Kept]) error {
		changed = e.Changed("Bytes", "Word")
		return nil
	})
	for _, step := range []struct {
		column string
		value  any
		want   bool
	}{
		{"bytes", []byte{}, true}, {"bytes", []byte{}, false}, {"bytes", nil, true}, {"word", "", true}, {"word", "", false}, {"word", nil, true}, {"word", nil, false},
	} {
		require.NoError(t, db.Model(&Kept{ID: 1}).Update(step.column, step.value).Error)
		assert.Equal(t, step.want, changed, step)
	}
}
