package conformance

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Item is the model of most cases.
type Item struct {
	ID        uint
	Name      string `gorm:"size:40"`
	Price     int64
	Stock     int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// String returns the name and the price.
func (i *Item) String() string { return fmt.Sprintf("%s %d", i.Name, i.Price) }

// Audit is the model that receivers write.
type Audit struct {
	ID   uint
	Text string `gorm:"size:80"`
}

// String returns the text.
func (a *Audit) String() string { return a.Text }

// Voucher has a unique code.
type Voucher struct {
	ID   uint
	Code string `gorm:"size:20;uniqueIndex"`
	Text string `gorm:"size:40"`
}

// String returns the code and the text.
func (v *Voucher) String() string { return v.Code + " " + v.Text }

// Letter has a soft delete.
type Letter struct {
	ID        uint
	Text      string `gorm:"size:40"`
	DeletedAt gorm.DeletedAt
}

// String returns the text.
func (l *Letter) String() string { return l.Text }

// Seat has a composite key.
type Seat struct {
	Line  string `gorm:"primaryKey;size:10"`
	Place int    `gorm:"primaryKey;autoIncrement:false"`
	Taken bool
}

// String returns the key, and whether the seat is taken.
func (s *Seat) String() string { return fmt.Sprintf("%s%d %t", s.Line, s.Place, s.Taken) }

// Event has no primary key.
type Event struct {
	Kind  string `gorm:"size:20"`
	Count int
}

// String returns the kind and the count.
func (e *Event) String() string { return fmt.Sprintf("%s %d", e.Kind, e.Count) }

// Size is embedded.
type Size struct {
	Width, Height int
}

// Level is stored as a word.
type Level int

// Value returns the word.
func (l Level) Value() (driver.Value, error) { return strings.Repeat("high ", int(l)), nil }

// Scan reads the word.
func (l *Level) Scan(value any) error {
	switch v := value.(type) {
	case string:
		*l = Level(strings.Count(v, "high"))
	case []byte:
		*l = Level(strings.Count(string(v), "high"))
	default:
		return errors.New("no level")
	}
	return nil
}

// Crate has fields of every kind: embedded, serialized, and with a type of its own.
type Crate struct {
	ID     uint
	Name   string `gorm:"size:40"`
	Size   `gorm:"embedded;embeddedPrefix:size_"`
	Labels []string `gorm:"serializer:json;size:100"`
	Level  Level    `gorm:"type:varchar(40)"`
}

// String returns all of it.
func (c *Crate) String() string {
	return fmt.Sprintf("%s %dx%d %v %d", c.Name, c.Width, c.Height, c.Labels, c.Level)
}

// Hooked notes calls of its GORM hooks.
type Hooked struct {
	ID    uint
	Name  string       `gorm:"size:40"`
	Heard func(string) `gorm:"-"`
}

// String returns the name.
func (h *Hooked) String() string { return h.Name }

func (h *Hooked) hook(name string) error {
	if h.Heard != nil {
		h.Heard(name)
	}
	return nil
}

// BeforeSave is a hook of GORM.
func (h *Hooked) BeforeSave(*gorm.DB) error { return h.hook("BeforeSave") }

// BeforeCreate is a hook of GORM.
func (h *Hooked) BeforeCreate(*gorm.DB) error { return h.hook("BeforeCreate") }

// AfterCreate is a hook of GORM.
func (h *Hooked) AfterCreate(*gorm.DB) error { return h.hook("AfterCreate") }

// AfterSave is a hook of GORM.
func (h *Hooked) AfterSave(*gorm.DB) error { return h.hook("AfterSave") }

// BeforeDelete is a hook of GORM.
func (h *Hooked) BeforeDelete(*gorm.DB) error { return h.hook("BeforeDelete") }

// AfterDelete is a hook of GORM.
func (h *Hooked) AfterDelete(*gorm.DB) error { return h.hook("AfterDelete") }
