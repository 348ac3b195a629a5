package gormdocs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// The models of GORM's documentation, as far as its pages about writing use them.

type docsAddress struct {
	ID       uint
	Address1 string
	Address2 string
}

type docsCard struct {
	ID     uint
	Number string
	UserID *uint
}

type docsEmail struct {
	ID     uint
	Email  string
	UserID *uint
}

type docsLanguage struct {
	ID    uint
	Name  string
	Count int
}

type docsUser struct {
	ID                uint
	Name              string
	Age               int
	Role              string
	Active            bool
	BillingAddressID  *uint
	BillingAddress    *docsAddress
	ShippingAddressID *uint
	ShippingAddress   *docsAddress
	Card              *docsCard      `gorm:"foreignKey:UserID"`
	Emails            []docsEmail    `gorm:"foreignKey:UserID"`
	Languages         []docsLanguage `gorm:"many2many:docs_user_languages"`
}

// docsOrder has soft delete.
type docsOrder struct {
	gorm.Model
	Number string
}

type docsProduct struct {
	ID       uint
	Code     string `gorm:"default:none"`
	Price    int
	Quantity int
}

// docsLocation is written with SQL of its own.
type docsLocation struct{ X, Y int }

func (l docsLocation) GormValue(context.Context, *gorm.DB) clause.Expr {
	return clause.Expr{SQL: "printf('%d,%d', ?, ?)", Vars: []any{l.X, l.Y}}
}

func (docsLocation) GormDataType() string { return "text" }

func (l *docsLocation) Scan(v any) error {
	_, err := fmt.Sscanf(fmt.Sprint(v), "%d,%d", &l.X, &l.Y)
	return err
}

type docsPlace struct {
	ID       uint
	Name     string
	Location docsLocation
}

// docsHooked has hooks as the pages show them.
type docsHooked struct {
	ID   uint
	Name string
	Age  int
}

func (h *docsHooked) BeforeSave(tx *gorm.DB) error {
	if tx.Statement.Dest != tx.Statement.Model || h.ID == 0 {
		tx.Statement.SetColumn("Age", 40)
	}
	return nil
}

func (h *docsHooked) BeforeDelete(*gorm.DB) error {
	if h.Name == "admin" {
		return fmt.Errorf("%s is not allowed to be deleted", h.Name)
	}
	return nil
}

// docsRow is what all of them are.
type docsRow interface{ row() string }

func (a *docsAddress) row() string { return fmt.Sprintf("address %d %s", a.ID, a.Address1) }
func (c *docsCard) row() string {
	return fmt.Sprintf("card %d %s of %s", c.ID, c.Number, owner(c.UserID))
}

func (e *docsEmail) row() string {
	return fmt.Sprintf("email %d %s of %s", e.ID, e.Email, owner(e.UserID))
}

func (l *docsLanguage) row() string { return fmt.Sprintf("language %d %s %d", l.ID, l.Name, l.Count) }
func (u *docsUser) row() string     { return fmt.Sprintf("user %d %s %d", u.ID, u.Name, u.Age) }
func (o *docsOrder) row() string    { return fmt.Sprintf("order %d %s", o.ID, o.Number) }
func (p *docsProduct) row() string {
	return fmt.Sprintf("product %d %s %d %d", p.ID, p.Code, p.Price, p.Quantity)
}
func (p *docsPlace) row() string  { return fmt.Sprintf("place %d %s %v", p.ID, p.Name, p.Location) }
func (h *docsHooked) row() string { return fmt.Sprintf("hooked %d %s %d", h.ID, h.Name, h.Age) }

func owner(id *uint) string {
	if id == nil {
		return "nobody"
	}
	return fmt.Sprint(*id)
}

// openDocs returns a database with a few rows, and the trace of what is sent from now on.
func openDocs(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db := testkit.Open(t, &gorm.Config{}, &docsAddress{}, &docsUser{}, &docsCard{}, &docsEmail{}, &docsLanguage{}, &docsOrder{},
		&docsProduct{}, &docsPlace{}, &docsHooked{})
	zh, en := docsLanguage{Name: "ZH"}, docsLanguage{Name: "EN"}
	for _, rows := range []any{
		&[]docsUser{
			{
				Name: "ann", Age: 18, Role: "admin", Active: true, BillingAddress: &docsAddress{Address1: "a1"},
				Card: &docsCard{Number: "n1"}, Emails: []docsEmail{{Email: "e1"}, {Email: "e2"}}, Languages: []docsLanguage{zh, en},
			},
			{Name: "bob", Age: 20, Role: "admin", Emails: []docsEmail{{Email: "e3"}}},
			{Name: "cyd", Age: 30, Role: "guest"},
		},
		&docsLanguage{Name: "DE"},
		&[]docsOrder{{Number: "o1"}, {Number: "o2"}, {Number: "o3"}},
		&[]docsProduct{{Code: "c1", Price: 10, Quantity: 5}, {Code: "c2", Price: 20, Quantity: 1}},
		&docsPlace{Name: "home", Location: docsLocation{1, 2}},
		&[]docsHooked{{Name: "ann"}, {Name: "admin"}},
	} {
		require.NoError(t, db.Create(rows).Error)
	}
	require.NoError(t, db.Where("id = ?", 3).Delete(&docsOrder{}).Error)
	require.NoError(t, db.Use(signals.Plugin{}))
	return db, traceDocs(db)
}

func traceDocs(db *gorm.DB) *trace {
	tr := &trace{}
	rows := signals.Implementing[docsRow](db)
	save := func(name string) signals.Receiver[signals.SaveEvent[docsRow]] {
		return func(_ context.Context, e signals.SaveEvent[docsRow]) error {
			verb := map[bool]string{true: "create", false: "update"}[e.Created]
			if e.Restored() {
				verb = "restore"
			}
			tr.add("%s %s %s", name, verb, e.Instance.row())
			return nil
		}
	}
	remove := func(name string) signals.Receiver[signals.DeleteEvent[docsRow]] {
		return func(_ context.Context, e signals.DeleteEvent[docsRow]) error {
			tr.add("%s %s %s", name, map[bool]string{true: "soft", false: "hard"}[e.Soft], e.Instance.row())
			return nil
		}
	}
	rows.PreSave.Connect(save("pre_save"))
	rows.PostSave.Connect(save("post_save"))
	rows.PreDelete.Connect(remove("pre_delete"))
	rows.PostDelete.Connect(remove("post_delete"))
	return tr
}

// docsCase is one way to write that GORM's documentation shows, and what it sends.
type docsCase struct {
	name string
	call func(db *gorm.DB) error
	err  error
	sent string // one event a line; "saves" and "deletes" are short for pre and post of one row
}

func runDocs(t *testing.T, cases []docsCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db, tr := openDocs(t)
			err := c.call(db.WithContext(t.Context()))
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, docsLines(c.sent), tr.take())
		})
	}
}

// docsLines reads an expected trace.
func docsLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "":
		case "saves":
			lines = append(lines, "pre_save "+rest, "post_save "+rest)
		case "deletes":
			lines = append(lines, "pre_delete "+rest, "post_delete "+rest)
		default:
			lines = append(lines, line)
		}
	}
	return lines
}
