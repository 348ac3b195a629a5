package dbtest_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// normal has columns whose values PostgreSQL stores in a form of its own.
type normal struct {
	ID      uint
	Name    string
	Doc     json.RawMessage `gorm:"type:jsonb"`
	Text    string          `gorm:"type:jsonb"`
	Code    string          `gorm:"type:char(5)"`
	Price   string          `gorm:"type:numeric(10,2)"`
	Sum     float64         `gorm:"type:numeric(10,2)"`
	Ref     string          `gorm:"type:uuid"`
	Addr    string          `gorm:"type:inet"`
	Net     string          `gorm:"type:cidr"`
	Wait    string          `gorm:"type:interval"`
	Period  string          `gorm:"type:interval"`
	Ratio   float64         `gorm:"type:real"`
	Day     string          `gorm:"type:date"`
	Clock   string          `gorm:"type:time(0)"`
	Words   string          `gorm:"type:tsvector"`
	Tags    pq.StringArray  `gorm:"type:text[]"`
	Data    map[string]any  `gorm:"serializer:json;type:jsonb"`
	Version int
}

func fullNormal() normal {
	return normal{
		Name: "a", Doc: json.RawMessage(`{"b":1,"a":2}`), Text: `{"b": [1],"a":2}`, Code: "ab", Price: "1.5", Sum: 1.005,
		Ref: "0B1F0D0E-1111-4222-8333-ABCDEFABCDEF", Addr: "10.0.0.1/32", Net: "10.0.0.0", Wait: "1 day 2 hours", Period: "P1Y2M", Ratio: 0.1,
		Day: "2024-1-2", Clock: "10:00", Words: "b a", Tags: pq.StringArray{"a", "b c"}, Data: map[string]any{"n": 1}, Version: 1,
	}
}

// told notes which fields change, by phase.
func told[M any](s *signals.ModelSignals[*M]) map[string][]string {
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
	s.PostSave.Connect(note("net"), signals.AfterCommit(), signals.Net())
	return changed
}

func postgresDB(t *testing.T) *gorm.DB {
	t.Helper()
	return connect(t, servers()[1].dialector(t), &gorm.Config{})
}

func TestWhatPostgresNormalisesIsNoChange(t *testing.T) {
	t.Parallel()
	db := postgresDB(t)
	require.NoError(t, db.AutoMigrate(&normal{}))
	n := fullNormal()
	require.NoError(t, db.Create(&n).Error)
	require.NoError(t, db.Use(signals.Plugin{}))
	changed := told(signals.For[normal](db))
	n.Name = "b"
	require.NoError(t, db.Save(&n).Error)
	for _, phase := range []string{"post", "late", "net"} {
		assert.Equal(t, []string{"Name"}, changed[phase], phase)
	}
	assert.Subset(t, []string{"Name", "Net", "Period", "Day", "Clock", "Words"}, changed["pre"], "pre_save asks nobody")
	require.NoError(t, db.Model(&normal{}).Where("id > 0").Updates(map[string]any{"name": "c", "wait": "26:00:00", "day": "2024-1-2"}).Error)
	assert.Equal(t, []string{"Name", "Wait"}, changed["post"])
}

func TestWhatPostgresStoresOtherwiseIsAChange(t *testing.T) {
	t.Parallel()
	db := postgresDB(t)
	require.NoError(t, db.AutoMigrate(&normal{}))
	n := fullNormal()
	require.NoError(t, db.Create(&n).Error)
	require.NoError(t, db.Use(signals.Plugin{}))
	changed := told(signals.For[normal](db))
	for field, change := range map[string]func(){
		"Doc": func() { n.Doc = json.RawMessage(`{"b":2,"a":2}`) }, "Text": func() { n.Text = `[]` }, "Code": func() { n.Code = "abc" },
		"Price": func() { n.Price = "1.51" }, "Sum": func() { n.Sum = 1.02 }, "Ref": func() { n.Ref = "0B1F0D0E-1111-4222-8333-ABCDEFABCDEE" },
		"Addr": func() { n.Addr = "10.0.0.1/24" }, "Net": func() { n.Net = "10.0.0.0/24" }, "Wait": func() { n.Wait = "26 hours" },
		"Period": func() { n.Period = "P2Y" }, "Ratio": func() { n.Ratio = 0.2 }, "Day": func() { n.Day = "2024-1-3" },
		"Clock": func() { n.Clock = "11:00" }, "Words": func() { n.Words = "c" }, "Tags": func() { n.Tags = append(n.Tags, "d") },
		"Data": func() { n.Data = map[string]any{"n": 2} }, "Version": func() { n.Version = 2 },
	} {
		change()
		require.NoError(t, db.Save(&n).Error, field)
		for _, phase := range []string{"post", "late", "net"} {
			assert.Equal(t, []string{field}, changed[phase], phase)
		}
		assert.Contains(t, changed["pre"], field)
	}
}

// TestPlainColumnsAskNobody counts the statements of a Save: the library's own read and the UPDATE.
func TestPlainColumnsAskNobody(t *testing.T) {
	t.Parallel()
	db := postgresDB(t)
	require.NoError(t, db.AutoMigrate(&normal{}))
	n := fullNormal()
	require.NoError(t, db.Create(&n).Error)
	require.NoError(t, db.First(&n).Error)
	require.NoError(t, db.Use(signals.Plugin{}))
	var reads atomic.Int64
	changed := told(signals.For[normal](db))
	require.NoError(t, db.Save(&n).Error) // the plugin learns about the table
	db.Logger = &counting{Interface: db.Logger, count: &reads}
	n.Name, n.Version, n.Doc, n.Sum, n.Code = "b", 7, json.RawMessage(`[3]`), 9.5, "x"
	require.NoError(t, db.Save(&n).Error)
	assert.Equal(t, []string{"Name", "Doc", "Code", "Sum", "Version"}, changed["post"])
	assert.EqualValues(t, 2, reads.Load())
}

// other has columns whose values MariaDB stores in a form of its own.
type other struct {
	ID    uint
	Name  string
	Code  string  `gorm:"type:char(5)"`
	Price string  `gorm:"type:decimal(10,2)"`
	Sum   float64 `gorm:"type:decimal(10,2)"`
	Ratio float64 `gorm:"type:float"`
	Raw   []byte  `gorm:"type:binary(4)"`
	Kind  string  `gorm:"type:enum('a','b')"`
	Clock string  `gorm:"type:time(0)"`
	Year  string  `gorm:"type:year"`
	Ref   string  `gorm:"type:uuid"`
	Addr  string  `gorm:"type:inet6"`
	Doc   string  `gorm:"type:json"`
}

func TestWhatMariaDBNormalisesIsNoChange(t *testing.T) {
	t.Parallel()
	db := connect(t, servers()[2].dialector(t), &gorm.Config{})
	require.NoError(t, db.AutoMigrate(&other{}))
	o := other{
		Name: "a", Code: "ab ", Price: "1.5", Sum: 1.005, Ratio: 16777217, Raw: []byte("a"), Kind: "A", Clock: "10:0:0", Year: "24",
		Ref: "0B1F0D0E-1111-4222-8333-ABCDEFABCDEF", Addr: "2001:0DB8::0:1", Doc: `{"b": 1,"a":2}`,
	}
	require.NoError(t, db.Create(&o).Error)
	require.NoError(t, db.Use(signals.Plugin{}))
	changed := told(signals.For[other](db))
	o.Name = "b"
	require.NoError(t, db.Save(&o).Error)
	for _, phase := range []string{"post", "late", "net"} {
		assert.Equal(t, []string{"Name"}, changed[phase], phase)
	}
	o.Kind, o.Ref, o.Price, o.Ratio, o.Doc = "b", "0B1F0D0E-1111-4222-8333-ABCDEFABCDEE", "1.6", 2, `{"a":2,"b": 1}`
	require.NoError(t, db.Save(&o).Error)
	for _, phase := range []string{"post", "late", "net"} {
		assert.Equal(t, []string{"Price", "Ratio", "Kind", "Ref", "Doc"}, changed[phase], phase)
	}
}

// counting is a logger that counts statements.
type counting struct {
	logger.Interface

	count *atomic.Int64
}

func (c *counting) LogMode(logger.LogLevel) logger.Interface { return c }
func (c *counting) Trace(context.Context, time.Time, func() (string, int64), error) {
	c.count.Add(1)
}
