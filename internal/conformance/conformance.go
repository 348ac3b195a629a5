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

// Case is one promise of the library, with the function that tests it.
type Case struct {
	Name    string
	Promise string
	Run     func(c *C)
}

// Options says in which respects a run differs from a plain one. The gorm.Config of the database needs no option.
type Options struct {
	Generics bool // calls that gorm.G has go through it
	Explicit bool // the plugin has TrackExplicit: cases begin transactions with signals.Transaction

	// Truth returns a session that reads the stored rows, if plain reads may not see new writes. nil means that plain reads do.
	Truth func(db *gorm.DB) *gorm.DB
}

// Result is the summary of a run.
type Result struct {
	Cases       int      // without those that skipped themselves
	Differences []string // promises that were kept in another way: "SkipDefaultTransaction: case: reason"
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
		dispatchCases(), createCases(), conflictCases(), saveCases(), updateCases(), kindCases(), rowCases(), deleteCases(), servedCases(), relationCases(),
		many2manyCases(), cascadeCases(), silentCases(), shapeCases(), phaseCases(), savepointCases(),
	)
}

// Run runs every case as a subtest. open opens a database with the plugin and nothing else. Each case creates the tables of its models and leaves
// them empty, so open may return the same database for one case after the other.
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

// C is a running case: its test, its database and the lines that it has noted.
type C struct {
	*testing.T

	DB *gorm.DB

	open    func(t *testing.T) *gorm.DB
	options Options
	name    string
	asked   map[string]bool // configurations that the case has asked differs about
	table   string          // the table of the model's rows, if it is not its own

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

// each puts a word before each line.
func each(word string, rows ...string) []string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = word + row
	}
	return lines
}

// saves returns the lines for saving rows in one statement: all pre_save, then all post_save.
func saves(rows ...string) []string {
	return slices.Concat(each("pre_save ", rows...), each("post_save ", rows...))
}

// removes returns the lines for deleting rows in one statement: all pre_delete, then all post_delete.
func removes(rows ...string) []string {
	return slices.Concat(each("pre_delete ", rows...), each("post_delete ", rows...))
}

// around puts the lines of one save around other lines.
func around(row string, lines ...[]string) []string {
	return slices.Concat(line("pre_save %s", row), slices.Concat(lines...), line("post_save %s", row))
}
