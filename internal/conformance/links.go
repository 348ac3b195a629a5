package conformance

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

var errVeto = errors.New("veto")

// Links runs scripts of writes to many2many relations on one database. After every step, the stored links must be those before it, changed as the
// events of m2m_changed say.
type Links struct {
	// Split says that cascades delete links in batches so small that one statement may send several events for one row.
	Split bool

	db     *gorm.DB
	models []*model
	sides  []*side
	serial int // number of new rows, for unique keys and names

	keysOnly  bool            // receivers have Needs(Keys)
	listening map[*model]bool // models with receivers in this script
	events    []change        // of this step, inside the transaction
	witnessed []string        // the same events, from receivers of single relations
	faults    []string        // wrong events, whatever else was sent
	lies      []string        // wrong post events
	names     map[string]string
	veto      int // counts down to the event that a receiver vetoes; 0 means none
	vetoPost  bool
	vetoed    bool

	mu     sync.Mutex
	commit []change // events after commits of this step
	undone []change // events after rollbacks of this script
}

// change is an event of m2m_changed.
type change struct {
	db       *gorm.DB
	model    *model
	row      record
	relation string
	action   signals.M2MAction
	reverse  bool
	keys     []any

	side  *side
	owner string
	pks   []string
}

// keyText formats a key of one or more columns.
func keyText(key []any) string {
	parts := make([]string, len(key))
	for i, v := range key {
		parts[i] = fmt.Sprint(v)
	}
	return strings.Join(parts, "/")
}

func (c change) String() string {
	return fmt.Sprintf("%s.%s %s of %s, reverse %t: %s", c.model.name, c.relation, c.action, c.owner, c.reverse, strings.Join(c.pks, " "))
}

// pair returns a text that only the two events of a pair share.
func (c change) pair() string {
	_, verb, _ := strings.Cut(c.action.String(), "_")
	return fmt.Sprintf("%v of %s %s %t: %s", c.side, c.owner, verb, c.reverse, strings.Join(slices.Sorted(slices.Values(c.pks)), " "))
}

func (c change) adds() bool { return c.action == signals.PreAdd || c.action == signals.PostAdd }

// links returns the links of the event, in the form of stored.
func (c change) links() []string {
	links := make([]string, len(c.pks))
	for i, pk := range c.pks {
		links[i] = link(c.side, c.owner, pk)
	}
	return links
}

func link(s *side, owner, other string) string { return fmt.Sprintf("%v %s>%s", s, owner, other) }

// NewLinks creates the tables of the linked models. The database has the plugin, and TranslateError in its configuration. Each script connects its
// own receivers: its first byte decides which.
func NewLinks(tb testing.TB, db *gorm.DB) *Links {
	tb.Helper()
	require.NoError(tb, db.SetupJoinTable(&Student{}, "Courses", &Enrolment{}))
	require.NoError(tb, db.SetupJoinTable(&Course{}, "Students", &Enrolment{}))
	require.NoError(tb, db.AutoMigrate(&Product{}, &Tag{}, &Student{}, &Course{}, &Enrolment{}, &Person{}, &Book{}, &Section{}, &Writer{}, &Genre{}))
	l := &Links{db: db}
	l.models, l.sides = relations()
	return l
}

// connect connects receivers to all models, to those on one side of their join tables, or to all with Needs(Keys).
func (l *Links) connect(who byte) (disconnect func()) {
	l.listening, l.keysOnly = map[*model]bool{}, who%4 == 3
	var undo []func() bool
	for _, m := range l.models {
		if who%4 == 1 && m.second || who%4 == 2 && !m.second {
			continue
		}
		l.listening[m] = true
		with := func(opts ...signals.ConnectOption) []signals.ConnectOption {
			if l.keysOnly {
				opts = append(opts, signals.Needs(signals.Keys))
			}
			return opts
		}
		undo = append(undo, m.connect(l.db, l.hear, with()...),
			m.connect(l.db, l.later(&l.commit), with(signals.AfterCommit())...), m.connect(l.db, l.later(&l.undone), with(signals.AfterRollback())...))
		for _, s := range l.sides {
			if s.owner == m {
				undo = append(undo, m.batch(l.db, l.witness, with(signals.Fields(s.relation))...))
			}
		}
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// named fills in the other fields of a change.
func (l *Links) named(c change) change {
	for _, s := range l.sides {
		if s.owner == c.model && s.relation == c.relation {
			c.side = s
		}
	}
	c.owner = keyText(c.row.key())
	for _, k := range c.keys {
		key, ok := k.([]any)
		if !ok {
			key = []any{k}
		}
		c.pks = append(c.pks, keyText(key))
	}
	return c
}

// fault notes that an event is wrong. If a write fails, its pre events may be wrong.
func (l *Links) fault(c change, format string, args ...any) {
	text := fmt.Sprintf(format, args...) + ", in " + c.String()
	l.faults = append(l.faults, text)
	if !c.action.Pre() {
		l.lies = append(l.lies, text)
	}
}

// hear is the receiver inside the transaction.
func (l *Links) hear(c change) error {
	c = l.named(c)
	l.events = append(l.events, c)
	if c.side == nil {
		l.fault(c, "no such relation")
		return nil
	}
	l.checkKeys(c)
	l.checkInstance(c)
	l.checkLinks(c)
	if l.veto > 0 && c.action.Pre() != l.vetoPost {
		if l.veto--; l.veto == 0 {
			l.vetoed = true
			return errVeto
		}
	}
	return nil
}

func (l *Links) witness(c change) error {
	l.witnessed = append(l.witnessed, l.named(c).String())
	return nil
}

// later returns a receiver around the end of the transaction.
func (l *Links) later(to *[]change) func(change) error {
	return func(c change) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		*to = append(*to, l.named(c))
		return nil
	}
}

// checkKeys checks that there are keys, each once, with the types of the model's key.
func (l *Links) checkKeys(c change) {
	if len(c.pks) == 0 {
		l.fault(c, "no PKs")
	}
	if len(slices.Compact(slices.Sorted(slices.Values(c.pks)))) != len(c.pks) {
		l.fault(c, "the same PK twice")
	}
	want := c.side.other.fresh(1, true).key()
	for _, k := range c.keys {
		key, composite := k.([]any)
		if !composite {
			key = []any{k}
		}
		if composite != (len(want) > 1) || len(key) != len(want) {
			l.fault(c, "PK %v has %d columns, not %d", k, len(key), len(want))
			continue
		}
		for i := range key {
			if reflect.TypeOf(key[i]) != reflect.TypeOf(want[i]) || reflect.ValueOf(key[i]).IsZero() && len(want) == 1 {
				l.fault(c, "PK %v is a %T", k, key[i])
			}
		}
	}
}

// checkInstance checks that the instance is the stored row, now or before this statement.
func (l *Links) checkInstance(c change) {
	if l.keysOnly {
		return
	}
	conds := make([]string, len(c.model.keys))
	for i, column := range c.model.keys {
		conds[i] = column + " = ?"
	}
	var names []string
	if err := c.db.Raw("SELECT name FROM "+c.model.table+" WHERE "+strings.Join(conds, " AND "), c.row.key()...).Scan(&names).Error; err != nil {
		l.fault(c, "cannot read the row: %v", err)
	}
	at := c.model.name + c.owner
	if len(names) == 1 {
		l.names[at] = names[0]
	} else if c.action.Pre() {
		l.fault(c, "no stored row")
	}
	if *c.row.name() != l.names[at] {
		l.fault(c, "Instance is named %q, the row %q", *c.row.name(), l.names[at])
	}
}

// checkLinks checks that the links are stored before a remove and after an add, and not stored before an add and after a remove.
func (l *Links) checkLinks(c change) {
	stored, err := links(c.db, c.side)
	if err != nil {
		l.fault(c, "cannot read the links: %v", err)
	}
	for _, name := range c.links() {
		if there := c.adds() != c.action.Pre(); stored[name] != there {
			l.fault(c, "%s is stored: %t", name, stored[name])
		}
	}
}

// links reads the live links of a relation.
func links(db *gorm.DB, s *side) (found map[string]bool, err error) {
	rows, err := db.Raw(s.query).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = map[string]bool{}
	own := len(s.owner.keys)
	values := make([]string, own+len(s.other.keys))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		found[link(s, strings.Join(values[:own], "/"), strings.Join(values[own:], "/"))] = true
	}
	return found, rows.Err()
}

// apply changes links as post events say.
func apply(links map[string]bool, events []change) (map[string]bool, error) {
	links = maps.Clone(links)
	for _, c := range events {
		if c.action.Pre() {
			continue
		}
		for _, name := range c.links() {
			if links[name] == c.adds() {
				return nil, fmt.Errorf("%s came or went already, in %v", name, c)
			}
			if links[name] = true; !c.adds() {
				delete(links, name)
			}
		}
	}
	return links, nil
}

// differ lists the links that are in only one of the sets.
func differ(told, stored map[string]bool) string {
	var lines []string
	for name := range stored {
		if !told[name] {
			lines = append(lines, name+" is stored and was not told")
		}
	}
	for name := range told {
		if !stored[name] {
			lines = append(lines, name+" was told and is not stored")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
