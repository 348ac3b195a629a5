package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/audit"
	"github.com/gorm-signals/signals/internal/testkit"
)

type user struct {
	ID       uint
	Name     string
	Nickname *string
	Born     time.Time
	Password string `audit:"hidden"`
}

func (user) TableName() string { return "users" }

func Example() {
	db, err := gorm.Open(sqlite.Open(":memory:"))
	if err != nil {
		panic(err)
	}
	_ = db.Use(signals.Plugin{})
	_ = db.AutoMigrate(&user{}, &audit.Line{})
	audit.Connect(db)

	ctx := signals.WithActor(context.Background(), "ann")
	bobby := "bobby"
	db.WithContext(ctx).Create(&user{Name: "bob", Password: "secret"})
	db.WithContext(ctx).Model(&user{}).Where("name = ?", "bob").Updates(user{Nickname: &bobby, Password: "better secret"})
	db.Delete(&user{}, 1)

	var lines []audit.Line
	db.Find(&lines)
	for _, l := range lines {
		fmt.Printf("%s: %s %s %s %s: %s -> %s\n", l.Actor, l.Kind, l.Table, l.Key, l.Column, l.Old, l.New)
	}

	// Output:
	// ann: created users 1 id: NULL -> 1
	// ann: created users 1 name: NULL -> bob
	// ann: created users 1 password: hidden -> hidden
	// ann: updated users 1 nickname: NULL -> bobby
	// ann: updated users 1 password: hidden -> hidden
	// : deleted users 1 id: 1 -> NULL
	// : deleted users 1 name: bob -> NULL
	// : deleted users 1 nickname: bobby -> NULL
	// : deleted users 1 password: hidden -> hidden
}

type level int

func (l level) String() string { return [...]string{"low", "high"}[l] }

type sample struct {
	Shop, Number int `gorm:"primaryKey;autoIncrement:false"`
	At           *time.Time
	Note         sql.NullString
	Text         []byte
	Picture      []byte
	Places       []string `gorm:"serializer:json"`
	Level        level
	Took         time.Duration
	DeletedAt    gorm.DeletedAt
}

func TestValuesAreWrittenAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &sample{}, &audit.Line{})
	audit.Connect(db)
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	require.NoError(t, db.Create(&sample{
		Shop: 3, Number: 4, At: &at, Note: sql.NullString{String: "fine", Valid: true}, Text: []byte("plain"), Picture: []byte{0xff, 0xfe},
		Places: []string{"a", "b"}, Level: 1, Took: time.Minute,
	}).Error)
	require.NoError(t, db.Model(&sample{}).Where("number = 4").Updates(map[string]any{"at": nil, "note": sql.NullString{}}).Error)
	require.NoError(t, db.Where("number = 4").Delete(&sample{}).Error)

	var lines []audit.Line
	require.NoError(t, db.Order("id").Find(&lines).Error)
	var texts []string
	for _, l := range lines {
		assert.Equal(t, "3,4", l.Key)
		texts = append(texts, l.Kind+" "+l.Column+": "+l.Old+" -> "+l.New)
	}
	assert.Equal(t, []string{
		"created shop: NULL -> 3", "created number: NULL -> 4", "created at: NULL -> 2026-02-03T04:05:06Z", "created note: NULL -> fine",
		"created text: NULL -> plain", "created picture: NULL -> 2 bytes", `created places: NULL -> ["a","b"]`, "created level: NULL -> high",
		"created took: NULL -> 1m0s", "updated at: 2026-02-03T04:05:06Z -> NULL", "updated note: fine -> NULL",
	}, texts[:11])
	assert.NotEmpty(t, texts[11:])
	for _, line := range texts[11:] {
		assert.Contains(t, line, "soft_deleted ")
	}
}

func TestTheLogIsRolledBackWithTheChange(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &user{}, &audit.Line{})
	audit.Connect(db)
	tx := db.Begin()
	require.NoError(t, tx.Create(&[]user{{Name: "ann"}, {Name: "bob"}}).Error)
	lines := int64(0)
	require.NoError(t, tx.Model(&audit.Line{}).Count(&lines).Error)
	assert.EqualValues(t, 4, lines)
	require.NoError(t, tx.Rollback().Error)
	require.NoError(t, db.Model(&audit.Line{}).Count(&lines).Error)
	assert.Zero(t, lines)
}

func TestAnActorWithoutATextFailsTheWrite(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &user{}, &audit.Line{})
	audit.Connect(db)
	ctx := signals.WithActor(t.Context(), struct{ ID int }{7})
	require.Error(t, db.WithContext(ctx).Create(&user{Name: "ann"}).Error)
}

func TestAWriteThatChangesNothingLeavesNoLine(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &user{}, &audit.Line{})
	ann := user{Name: "ann"}
	require.NoError(t, db.Create(&ann).Error)
	audit.Connect(db)
	require.NoError(t, db.Save(&ann).Error)
	lines := int64(0)
	require.NoError(t, db.Model(&audit.Line{}).Count(&lines).Error)
	assert.Zero(t, lines)
}
