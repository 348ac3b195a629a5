package beside

import "strings"

// allowance is a difference that is no fault.
type allowance struct {
	what    string
	why     string
	missing bool // speaks of rows without an event; otherwise of events without a row
	applies func(s *Setup, step Step, dialect string, c change) bool
}

// allowances is the one table of them.
//
// Beside them, by construction: receivers that change rows are no part of the suite, because their changes are a difference; the
// library's own SELECTs run no callbacks of others on writes; rows that GORM's hooks or others refuse have pre signals.
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
			func(s *Setup, step Step, _ string, c change) bool {
				return (step.links || s.mode().config.FullSaveAssociations) && c.old == c.now && head(c, "update ")
			},
		},
		{
			"children that an association takes or leaves", "GORM writes them with UpdateColumns, which is silent", true,
			func(_ *Setup, step Step, _ string, c change) bool { return step.links && head(c, "update children") },
		},
		{
			"links and children that the database deletes", "the triggers of MariaDB and MySQL do not see what a foreign key does", false,
			func(_ *Setup, _ Step, dialect string, c change) bool {
				return dialect == "mysql" && head(c, "delete children", "delete owner_tags")
			},
		},
		{
			"rows of an upsert of several rows, some of which a trigger keeps", "GORM reads the returned keys into the structs of other rows", false,
			func(s *Setup, step Step, _ string, _ change) bool {
				return s.Keeps && strings.HasPrefix(step.Name, "OnConflict{UpdateAll}")
			},
		},
		{
			"a new row of a slice under DO NOTHING", "open: its event may name the key of an attempt that was undone", false,
			func(_ *Setup, step Step, _ string, c change) bool { return step.links && head(c, "insert tags") },
		},
		{
			"a row that a trigger keeps from getting the values that it has", "RETURNING into one struct tells of one row only, and nothing else tells", false,
			func(s *Setup, _ Step, _ string, c change) bool {
				return s.Keeps && c.now == c.old && head(c, "update ")
			},
		},
		{
			"links that the database deletes with their owner", "a join table without a model has no delete signals, and its links are not cleared by a call", true,
			func(_ *Setup, _ Step, _ string, c change) bool { return head(c, "delete owner_tags") },
		},
	}
}

// excuse says which comparisons of a call do not hold.
type excuse struct {
	all bool // none of them, but that of events with rows
}

// excused is the table of whole calls that differ.
func (s *Setup) excused(step Step, dialect string, failed bool) excuse {
	switch {
	case failed && s.mode().config.SkipDefaultTransaction:
		// Several statements run in a transaction of the library, which an error of another callback in one of them undoes.
		return excuse{all: true}
	case dialect == "sqlite" && s.Keeps && strings.HasPrefix(step.Name, "Transaction(update, delete)"):
		// SQLite leaves half of a DELETE behind that fails because a trigger keeps a child. The savepoint around the write undoes it.
		return excuse{all: true}
	}
	return excuse{}
}

// saves reports whether a step may be a Save that inserts.
func (step Step) saves() bool {
	return strings.HasPrefix(step.Name, "Save") || strings.HasSuffix(step.Name, "Save")
}

// upserts reports whether a step inserts rows that may be stored.
func (step Step) upserts() bool {
	return step.saves() || strings.HasPrefix(step.Name, "OnConflict") || strings.HasPrefix(step.Name, "Select(*)")
}

// unexplained removes changes that an allowance explains.
func (s *Setup) unexplained(step Step, dialect string, missing bool, all []change) []change {
	var left []change
	for _, c := range all {
		explained := false
		for _, a := range allowances() {
			explained = explained || (a.missing == missing && a.applies(s, step, dialect, c))
		}
		if !explained {
			left = append(left, c)
		}
	}
	return left
}
