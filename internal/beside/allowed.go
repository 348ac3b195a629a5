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
			"links that the database deletes with their owner", "a join table without a model has no delete signals, and its links are not cleared by a call", true,
			func(_ *Setup, _ Step, _ string, c change) bool { return head(c, "delete owner_tags") },
		},
	}
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
