package beside

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// based is a pointer to a model with Base.
type based[M any] interface {
	*M
	base() *Base
}

// kind is one model, with the steps that write it.
type kind struct {
	table string
	model any
	rows  func(db *gorm.DB) (any, error) // reads all rows of a session, in order
	seeds any
	steps []Step
}

// kindOf returns the kind of a model. shape sets the fields of a new row that only this model has.
func kindOf[M any, P based[M]](table string, shape func(m P, id uint)) kind {
	make1 := func(id uint, a Args) M {
		var m M
		b := P(&m).base()
		b.ID, b.Name, b.Tenant, b.Price, b.By = id, a.Name, 1+(a.ID+1)%2, a.Price, "caller"
		if shape != nil {
			shape(&m, id)
		}
		return m
	}
	seeds := make([]M, 6)
	for i := range seeds {
		id := uint(i + 1)
		seeds[i] = make1(id, Args{ID: id, Name: string(rune('a' + i)), Price: 10 * (i + 1)})
		b := P(&seeds[i]).base()
		b.By = "seed"
		if i < 3 {
			b.Slot = new(i + 1)
		}
		if i == 4 {
			b.Name = keptName
		}
	}
	f := forms[M]{make: make1, base: func(m *M) *Base { return P(m).base() }}
	return kind{
		table: table, model: new(M), seeds: &seeds,
		rows:  func(db *gorm.DB) (any, error) { var rows []M; err := db.Find(&rows).Error; return rows, err },
		steps: f.steps(),
	}
}

// keptName is the name of rows that triggers keep from being written.
const keptName = "kept"

// kinds returns the models whose writes the suite tests.
func kinds() []kind {
	all := []kind{
		kindOf[Item]("items", nil),
		kindOf[Page]("pages", nil),
		kindOf[Doc]("docs", func(m *Doc, _ uint) { m.Version = 1 }),
		kindOf[Note]("notes", func(m *Note, id uint) {
			if id == 4 {
				m.Hidden = 1
			}
		}),
		kindOf[Seat]("seats", func(m *Seat, _ uint) { m.Room = "A" }),
		kindOf[Owner]("owners", nil),
	}
	all[len(all)-1].steps = append(all[len(all)-1].steps, relationSteps()...)
	return all
}

// related returns models that only steps of owners write.
func related() []kind {
	owner := func(id uint) *uint { return new(1 + id%2) }
	return []kind{
		kindOf[Child]("children", func(m *Child, id uint) { m.OwnerID = owner(id) }),
		kindOf[Tag]("tags", nil),
	}
}

// tables returns all models whose tables have triggers.
func tables() []kind { return append(kinds(), related()...) }

// Args are the arguments of the calls of a step.
type Args struct {
	ID, To uint
	Name   string
	Price  int
}

// String shows the arguments as the steps name them.
func (a Args) String() string {
	return fmt.Sprintf("id=%d to=%d name=%q price=%d", a.ID, a.To, a.Name, a.Price)
}

// argsOf makes arguments from a number.
func argsOf(n int) Args {
	return Args{ID: uint(1 + n%7), To: uint(1 + n/2%9), Name: strings.Repeat(string(rune('m'+n%5)), 1+n%2), Price: 5 + n%61}
}
