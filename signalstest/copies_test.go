package signalstest_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/signalstest"
)

// Sheet is a model whose columns share memory with the caller's struct.
type Sheet struct {
	ID       uint
	Raw      []byte
	Note     *string
	Tags     []string         `gorm:"serializer:json"`
	Cells    map[string][]int `gorm:"serializer:json"`
	Any      any              `gorm:"serializer:json"`
	*Author                   // an embedded pointer
	Lines    []*Line
	Session  *gorm.DB `gorm:"-"`
	Internal func()   `gorm:"-:all"`
}

// Author is embedded.
type Author struct {
	Names []string `gorm:"serializer:json"`
}

// Line belongs to a Sheet, and points back to it.
type Line struct {
	ID      uint
	SheetID uint
	Words   []string `gorm:"serializer:json"`
	Sheet   *Sheet
}

// sheet returns a sheet with everything in it.
func sheet(db *gorm.DB) *Sheet {
	note := "note"
	s := &Sheet{
		Raw: []byte("raw"), Note: &note, Tags: []string{"red"}, Cells: map[string][]int{"a": {1}}, Any: map[string]any{"k": []any{"v"}},
		Author: &Author{Names: []string{"ann"}}, Session: db, Internal: func() {},
	}
	s.Lines = []*Line{{Words: []string{"hello"}, Sheet: nil}}
	return s
}

// spoil changes in place whatever the sheet refers to.
func (s *Sheet) spoil() {
	s.Raw[0], *s.Note, s.Tags[0], s.Cells["a"][0], s.Names[0], s.Lines[0].Words[0] = 'R', "spoilt", "blue", 2, "bob", "bye"
	s.Cells["b"] = nil
	if m, ok := s.Any.(map[string]any); ok {
		if v, ok := m["k"].([]any); ok {
			v[0] = "spoilt"
		}
	}
}

func TestWhatIsRecordedSharesNothingWithTheRow(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.AutoMigrate(&Sheet{}, &Line{}))
	sheets := signalstest.Record[Sheet](t, db)
	s := sheet(db)
	require.NoError(t, db.Create(s).Error)
	s.Lines[0].Sheet = s // a circle
	s.spoil()
	for _, e := range sheets.Events() {
		assertWhole(t, &e.Instance)
		assert.Same(t, db, e.Instance.Session, "no column, and no relation")
		assert.Nil(t, e.Original)
		for _, c := range e.Changes {
			if c.Column == "tags" {
				assert.Equal(t, []string{"red"}, c.New)
			}
		}
	}
	sheets.Reset()
	require.NoError(t, db.Omit("Lines").Save(s).Error)
	events := sheets.Events()
	require.Len(t, events, 2)
	require.NotNil(t, events[1].Original)
	assert.Equal(t, []string{"red"}, events[1].Original.Tags)
	assert.Equal(t, []string{"blue"}, events[1].Instance.Tags)
	assert.Same(t, &events[1].Instance.Lines[0].Sheet.Lines[0].Words[0], &events[1].Instance.Lines[0].Words[0], "the circle is one")
	assert.NotSame(t, &s.Lines[0].Words[0], &events[1].Instance.Lines[0].Words[0])
}

func assertWhole(t *testing.T, got *Sheet) {
	t.Helper()
	want := sheet(nil)
	assert.Equal(t, want.Raw, got.Raw)
	assert.Equal(t, "note", *got.Note)
	assert.Equal(t, want.Tags, got.Tags)
	assert.Equal(t, want.Cells, got.Cells)
	assert.Equal(t, want.Any, got.Any)
	assert.Equal(t, want.Author, got.Author)
	assert.Equal(t, want.Lines[0].Words, got.Lines[0].Words)
}

func TestADeletedRowIsRecordedAsACopy(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.AutoMigrate(&Sheet{}, &Line{}))
	require.NoError(t, db.Create(&Sheet{Tags: []string{"red"}}).Error)
	sheets := signalstest.Record[Sheet](t, db)
	signals.For[Sheet](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Sheet]) error {
		e.Instance.Tags[0] = "blue"
		return nil
	}, signals.Last(), signals.Priority(math.MinInt)) // the only way to run after the recorder
	require.NoError(t, db.Delete(&Sheet{}, 1).Error)
	for _, e := range sheets.Events() {
		assert.Equal(t, []string{"red"}, e.Instance.Tags)
	}
}
