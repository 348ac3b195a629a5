package beside

import "strings"

// allowance is a difference that is not a fault.
type allowance struct {
	what    string
	why     string
	missing bool // for rows without an event; otherwise for events without a row
	applies func(at circumstances, c change) bool
}

// circumstances describe a call.
type circumstances struct {
	*Setup
	step    Step
	dialect string
	unheard bool              // the call ended before GORM knew what its statement did
	stored  map[string]string // the rows after the call, by the head of their update
}

// allowances returns all of them.
//
// Some differences cannot occur here: no receiver of the suite changes rows, because that would be a difference. SELECTs of the library run no
// callbacks of others on writes. Rows that GORM's hooks or others refuse have pre signals.
func allowances() []allowance {
	head := func(c change, starts ...string) bool {
		for _, start := range starts {
			if strings.HasPrefix(c.head, start) {
				return true
			}
		}
		return false
	}
	return []allowance{
		{
			"a row of a relation that is written as it was", "the row of a relation is saved again with its owner, and nothing about it changes", true,
			func(at circumstances, c change) bool {
				return (at.step.links || at.mode().config.FullSaveAssociations) && c.old == c.now && head(c, "update ")
			},
		},
		{
			"children that an association takes or leaves", "GORM writes them with UpdateColumns, which is silent", true,
			func(at circumstances, c change) bool { return at.step.links && head(c, "update children") },
		},
		{
			"a row that DO NOTHING leaves alone", "MySQL and MariaDB have no such clause: GORM assigns the key to itself, for which triggers run", true,
			func(at circumstances, c change) bool {
				return at.dialect == "mysql" && at.step.ignores() && c.old == c.now && head(c, "update ")
			},
		},
		{
			"rows of an INSERT outside any transaction whose answer GORM cannot read", "the call panics, or the ErrorHandler hears that nobody knows", true,
			func(at circumstances, c change) bool {
				return at.unheard && at.mode().config.SkipDefaultTransaction && head(c, "insert ")
			},
		},
		{
			"links and children that the database deletes", "the triggers of MariaDB and MySQL do not see what a foreign key does", false,
			func(at circumstances, c change) bool {
				return at.dialect == "mysql" && head(c, "delete children", "delete owner_tags")
			},
		},
		{
			"a row that a trigger keeps from getting the values that it has", "RETURNING into one struct tells of one row only, and nothing else tells", false,
			func(at circumstances, c change) bool {
				same := c.now == c.old || (c.old == "" && c.now == at.stored[c.head]) // receivers with Needs(Row) do not get the old row
				return at.Keeps && at.dialect != "mysql" && same && head(c, "update ")
			},
		},
		{
			"a row that gets the values that it has, beside one that a trigger keeps", "the number of rows says that one was kept, and nothing tells which; nothing about either changes", true,
			func(at circumstances, c change) bool { return at.Keeps && c.now == c.old && head(c, "update ") },
		},
		{
			"a row that a trigger of MariaDB or MySQL gives its old values back, in an upsert", "open: an upsert of MariaDB and MySQL returns no number that would tell of it", false,
			func(at circumstances, c change) bool {
				return at.Keeps && at.dialect == "mysql" && at.step.upserts() && head(c, "update ") && (strings.HasSuffix(c.head, " 5") || strings.HasSuffix(c.head, " 5/A"))
			},
		},
		{
			"links that the database deletes with their owner", "a join table without a model has no delete signals, and its links are not cleared by a call", true,
			func(_ circumstances, c change) bool { return head(c, "delete owner_tags") },
		},
	}
}

// excuse says which comparisons of a call are left out.
type excuse struct {
	all    bool // all but the comparison of events with rows
	events bool // that one too
}

// excused returns the excuse of a call that as a whole may differ.
func (s *Setup) excused(step Step, dialect, actual string, failed bool) excuse {
	switch {
	case s.Keeps && strings.Contains(actual, "their keys do not tell which"):
		// With an expression and receivers that need only keys, nothing shows which rows a trigger kept. The call fails and writes nothing.
		return excuse{all: true}
	case s.Keeps && strings.Contains(actual, "no key tells which"):
		// One of the rows has NULL in its key, and a trigger kept one. The call fails and writes nothing.
		return excuse{all: true}
	case dialect == "sqlite" && s.Keeps && (strings.HasPrefix(step.Name, "Transaction(update, delete)") || strings.Contains(actual, "FOREIGN KEY constraint failed")):
		// If a trigger keeps a child, SQLite lets the DELETE fail and leaves half of it behind. The library's savepoint around several statements
		// undoes this half.
		return excuse{all: true, events: failed}
	case failed && (s.mode().config.SkipDefaultTransaction || strings.HasPrefix(step.Name, "SkipDefaultTransaction")):
		// The library runs several statements in a transaction, so an error of another callback in one of them undoes all.
		return excuse{all: true}
	}
	return excuse{}
}

// saves reports whether a step may call Save and insert.
func (step Step) saves() bool {
	return strings.HasPrefix(step.Name, "Save") || strings.HasSuffix(step.Name, "Save")
}

// upserts reports whether a step inserts rows that may exist.
func (step Step) upserts() bool {
	return step.saves() || strings.HasPrefix(step.Name, "OnConflict") || strings.HasPrefix(step.Name, "Select(*)")
}

// ignores reports whether a step skips rows that exist.
func (step Step) ignores() bool { return strings.Contains(step.Name, "DoNothing") }

// unexplained returns the changes that no allowance explains.
func (at circumstances) unexplained(missing bool, all []change) []change {
	var left []change
	for _, c := range all {
		explained := false
		for _, a := range allowances() {
			explained = explained || (a.missing == missing && a.applies(at, c))
		}
		if !explained {
			left = append(left, c)
		}
	}
	return left
}
