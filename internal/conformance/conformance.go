package conformance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
)

// Case is one promise of the library, and what shows that it is kept.
type Case struct {
	Name    string
	Promise string
	Run     func(c *C)
}

// Options says what a run does in another way than plainly. What the gorm.Config of the database says needs no option.
type Options struct {
	Generics bool // calls that gorm.G has are made with it
	Explicit bool // the plugin has TrackExplicit: transactions are begun with signals.Transaction

	// Truth returns a session that reads what is stored, where plain reads may not show what was just written. nil means that
	// they do.
	Truth func(db *gorm.DB) *gorm.DB
}

// Result is what a run has come to.
type Result struct {
	Cases       int      // all that did not skip themselves
	Differences []string // where a promise was kept in another way, "SkipDefaultTransaction: case: reason"
}

// String returns one line: "conformance: 112 cases, 2 differences: ...".
func (r Result) String() string {
	line := fmt.Sprintf("conformance: %d cases, %d differences", r.Cases, len(r.Differences))
	if len(r.Differences) > 0 {
		line += ":\n\t" + strings.Join(r.Differences, "\n\t")
	}
	return line
}

// Cases returns all cases, section by section.
func Cases() []Case {
	return slices.Concat(
		dispatchCases(), createCases(), conflictCases(), saveCases(), updateCases(), rowCases(), deleteCases(), servedCases(), relationCases(),
		many2manyCases(), cascadeCases(), silentCases(), shapeCases(), phaseCases(), savepointCases(),
	)
}

// Run runs every case in a test of its own. open opens a database with the plugin and nothing else; each case makes the tables
// of its models, and what it leaves behind is empty tables, so that open may give the same database to one case after the other.
func Run(t *testing.T, open func(t *testing.T) *gorm.DB, options Options) Result {
	t.Helper()
	var result Result
	cases := Cases()
	result.Cases = len(cases)
	for _, one := range cases {
		t.Run(one.Name, func(t *testing.T) {
			c := &C{T: t, DB: open(t), open: open, options: options, name: one.Name, asked: map[string]bool{}}
			defer func() {
				if t.Skipped() {
					result.Cases--
				}
				if t.Failed() {
					t.Log("the promise: " + one.Promise)
				}
			}()
			one.Run(c)
			result.Differences = append(result.Differences, c.differences()...)
		})
	}
	t.Log(result)
	return result
}

// C is a case at work: its test, its database and what it has heard.
type C struct {
	*testing.T

	DB *gorm.DB

	open    func(t *testing.T) *gorm.DB
	options Options
	name    string
	asked   map[string]bool // what the case asked differs about
	table   string          // where the rows of the model are, when not in its own table

	mu    sync.Mutex
	lines []string
}

// say notes a line.
func (c *C) say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, fmt.Sprintf(format, args...))
}

// heard returns the lines noted so far and forgets them.
func (c *C) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.lines
	c.lines = nil
	return lines
}

// want fails the case unless exactly these lines were noted since the last time.
func (c *C) want(lines ...[]string) {
	c.Helper()
	assert.Equal(c, slices.Concat(lines...), c.heard())
}

// line is one line for want.
func line(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }

// each puts a word before each of some lines.
func each(word string, rows ...string) []string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = word + row
	}
	return lines
}

// saves are the lines of a save of some rows: all pre_save, then all post_save.
func saves(rows ...string) []string {
	return slices.Concat(each("pre_save ", rows...), each("post_save ", rows...))
}

// removes are the lines of a delete of some rows: all pre_delete, then all post_delete.
func removes(rows ...string) []string {
	return slices.Concat(each("pre_delete ", rows...), each("post_delete ", rows...))
}

// around puts the lines of one save around others.
func around(row string, lines ...[]string) []string {
	return slices.Concat(line("pre_save %s", row), slices.Concat(lines...), line("post_save %s", row))
}
