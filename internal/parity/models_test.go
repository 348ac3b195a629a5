package parity_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// The models of the parity script. Together they have every shape of table that GORM supports.

type parityItem struct {
	ID        uint
	Name      string
	Code      *string `gorm:"uniqueIndex"`
	Price     int64
	Stock     int
	Note      sql.NullString
	CreatedAt time.Time
	UpdatedAt time.Time
}

type parityPage struct {
	ID        uint
	Title     string
	Slug      string `gorm:"uniqueIndex"`
	Views     int
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

type paritySeat struct {
	Room  string `gorm:"primaryKey"`
	No    int    `gorm:"primaryKey;autoIncrement:false"`
	Taken bool
	Price int64
}

type parityAddress struct {
	City string
	Zip  string
}

type parityMoney struct{ cents int64 }

func (m parityMoney) Value() (driver.Value, error) { return strconv.FormatInt(m.cents, 10) + "c", nil }

func (m *parityMoney) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("money is %T", v)
	}
	cents, err := strconv.ParseInt(strings.TrimSuffix(text, "c"), 10, 64)
	m.cents = cents
	return err
}

func (parityMoney) GormDataType() string { return "text" }

type parityShop struct {
	gorm.Model
	Name    string
	Main    parityAddress  `gorm:"embedded"`
	Billing *parityAddress `gorm:"embedded;embeddedPrefix:billing_"`
	Labels  []string       `gorm:"serializer:json"`
	Hours   map[string]int `gorm:"serializer:json"`
	Opened  int64          `gorm:"serializer:unixtime;type:datetime"`
	Rent    parityMoney
	Fee     *parityMoney
	Blob    []byte
}

type parityWord struct {
	Text  string `gorm:"primaryKey"`
	Count int
}

// parityLine has no primary key.
type parityLine struct {
	Name string
	Size int
}

type parityPref struct {
	ID    uint
	Color string `gorm:"default:red"`
	Level int    `gorm:"default:3"`
	On    *bool  `gorm:"default:true"`
	Seven int    `gorm:"default:(abs(-7))"`
}

// parityOdd has columns with permissions of their own and times of every kind.
type parityOdd struct {
	ID     uint
	Name   string `gorm:"column:label"`
	Once   string `gorm:"<-:create"`
	Later  string `gorm:"<-:update"`
	Twice  int    `gorm:"->;type:integer GENERATED ALWAYS AS (length(label) * 2) VIRTUAL"`
	Hidden string `gorm:"-"`
	Born   int64  `gorm:"autoCreateTime"`
	Milli  int64  `gorm:"autoUpdateTime:milli"`
	Nano   int64  `gorm:"autoUpdateTime:nano"`
}

// parityOrder has names that are keywords of SQL.
type parityOrder struct {
	ID    uint
	Group string
}

func (parityOrder) TableName() string { return "order" }

type parityID [4]byte

func (id parityID) Value() (driver.Value, error) { return fmt.Sprintf("%x", id[:]), nil }

func (id *parityID) Scan(v any) error {
	n, err := fmt.Sscanf(fmt.Sprint(v), "%02x%02x%02x%02x", &id[0], &id[1], &id[2], &id[3])
	if err != nil || n != len(id) {
		return fmt.Errorf("bad id %v: %w", v, err)
	}
	return nil
}

func (parityID) GormDataType() string { return "text" }

type parityGem struct {
	ID   parityID `gorm:"primaryKey"`
	Name string
}

// parityShout is a string that the database stores in upper case.
type parityShout string

func (s parityShout) GormValue(context.Context, *gorm.DB) clause.Expr {
	return clause.Expr{SQL: "UPPER(?)", Vars: []any{string(s)}}
}

func (parityShout) GormDataType() string { return "text" }

type parityCry struct {
	ID   uint
	Text parityShout
	Loud int
}

type parityCompany struct {
	ID   uint
	Name string
}

type parityCard struct {
	ID     uint
	Number string
	UserID uint
}

type parityPost struct {
	ID        uint
	Title     string
	UserID    *uint
	DeletedAt gorm.DeletedAt
}

type parityTag struct {
	ID   uint
	Name string
}

type parityClub struct {
	ID   uint
	Name string
}

// parityMember is a join table with a model of its own.
type parityMember struct {
	ParityUserID uint   `gorm:"primaryKey"`
	ParityClubID uint   `gorm:"primaryKey"`
	Role         string `gorm:"default:guest"`
}

type parityToy struct {
	ID        uint
	Name      string
	OwnerID   uint
	OwnerType string
}

type parityUser struct {
	ID        uint
	Name      string
	CompanyID *uint
	Company   *parityCompany `gorm:"foreignKey:CompanyID"`
	ManagerID *uint
	Manager   *parityUser  `gorm:"foreignKey:ManagerID"`
	Reports   []parityUser `gorm:"foreignKey:ManagerID"`
	Card      *parityCard  `gorm:"foreignKey:UserID"`
	Posts     []parityPost `gorm:"foreignKey:UserID"`
	Tags      []*parityTag `gorm:"many2many:parity_user_tags"`
	Clubs     []parityClub `gorm:"many2many:parity_members"`
	Toys      []parityToy  `gorm:"polymorphic:Owner"`
	UpdatedAt time.Time
}

// parityHooked has all of GORM's hooks. They note their calls with the values of the row.
type parityHooked struct {
	ID        uint
	Name      string
	Times     int
	UpdatedAt time.Time
}

type parityHookKey struct{}

var errParityVeto = errors.New("no such name, please")

func (h *parityHooked) note(tx *gorm.DB, hook string) error {
	if w, ok := tx.Statement.Context.Value(parityHookKey{}).(*parityWorld); ok {
		w.hooks = append(w.hooks, fmt.Sprintf("%s %d %s %d", hook, h.ID, h.Name, h.Times))
	}
	if h.Name == "veto" || h.Name == "veto "+hook {
		return errParityVeto
	}
	return nil
}

func (h *parityHooked) BeforeSave(tx *gorm.DB) error {
	if h.Name == "counted" {
		tx.Statement.SetColumn("Times", h.Times+1)
	}
	return h.note(tx, "BeforeSave")
}

func (h *parityHooked) BeforeUpdate(tx *gorm.DB) error {
	if tx.Statement.Changed("Name") {
		tx.Statement.SetColumn("Times", h.Times+10)
	}
	return h.note(tx, "BeforeUpdate")
}

func (h *parityHooked) BeforeCreate(tx *gorm.DB) error { return h.note(tx, "BeforeCreate") }
func (h *parityHooked) AfterCreate(tx *gorm.DB) error  { return h.note(tx, "AfterCreate") }
func (h *parityHooked) AfterUpdate(tx *gorm.DB) error  { return h.note(tx, "AfterUpdate") }
func (h *parityHooked) AfterSave(tx *gorm.DB) error    { return h.note(tx, "AfterSave") }
func (h *parityHooked) BeforeDelete(tx *gorm.DB) error { return h.note(tx, "BeforeDelete") }
func (h *parityHooked) AfterDelete(tx *gorm.DB) error  { return h.note(tx, "AfterDelete") }
func (h *parityHooked) AfterFind(tx *gorm.DB) error    { return h.note(tx, "AfterFind") }

var (
	_ schema.GormDataTypeInterface = parityMoney{}
	_ gorm.Valuer                  = parityShout("")
)

func parityModels() []any {
	return []any{
		&parityItem{}, &parityPage{}, &paritySeat{}, &parityShop{}, &parityWord{}, &parityLine{}, &parityPref{}, &parityOdd{},
		&parityOrder{}, &parityGem{}, &parityCry{}, &parityCompany{}, &parityUser{}, &parityCard{}, &parityPost{}, &parityTag{},
		&parityClub{}, &parityMember{}, &parityToy{}, &parityHooked{},
	}
}
