package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// difference says that a case keeps its promise in another way under some configuration.
type difference struct {
	under  string // a configuration, a dialect or a mode: see applies
	name   string // of the case
	reason string
}

// differences returns all of them. A case must ask for each of its own, and for no other.
func differences() []difference {
	const (
		noTransaction = "a plain Create has no transaction that could be undone"
		ownStatement  = "the rows are written in several statements"
	)
	return []difference{
		{"SkipDefaultTransaction", "veto of post_save of a create", noTransaction},
		{"SkipDefaultTransaction", "nested write", noTransaction},
		{"SkipDefaultTransaction", "veto of a nested row", noTransaction},
		{"SkipDefaultTransaction", "veto before commit", noTransaction},
		{"SkipDefaultTransaction", "batches in one transaction", "CreateInBatches opens no transaction: each batch stands for itself"},
		{"CreateBatchSize", "create of a slice", ownStatement},
		{"CreateBatchSize", "create of other lists", "GORM cannot split an array"},
		{"CreateBatchSize", "create from maps", "GORM cannot split a slice of maps where the database returns keys: each is created by itself"},
		{"DisableNestedTransaction", "nested rollback", "there is no savepoint to roll back to: what the inner transaction wrote is committed"},
		{"FullSaveAssociations", "stored belongs-to", "the stored row is written too"},
		{"FullSaveAssociations", "unmoved has-many", "the stored row is written too"},
		{"FullSaveAssociations", "moved has-many", "all columns of the stored row are written, inside the pair of the owner"},
		{"SkipDefaultTransaction", "veto of new links", noTransaction},
		{"TranslateError", "refused duplicate", "the error is gorm.ErrDuplicatedKey"},
		{"postgres", "upsert of one row twice", "the database refuses to write a row twice in one statement"},
		{"mysql", "subqueries", "the database refuses an UPDATE that reads its own table"},
		{"mysql or mariadb", "limit and order", "UPDATE has ORDER BY and LIMIT"},
		{"TrackExplicit", "begin and commit", "such a transaction is not followed: the write is refused with ErrUntracked"},
		{"TrackExplicit", "commit of a cancelled context", "such a transaction is not followed: the function is refused with ErrUntracked"},
		{"TrackExplicit", "after the end", "such a transaction is not followed: the function is refused with ErrUntracked"},
	}
}

// applies reports whether the database of the case has the configuration of a difference.
func (c *C) applies(under string) bool {
	switch under {
	case "SkipDefaultTransaction":
		return c.DB.SkipDefaultTransaction
	case "CreateBatchSize":
		return c.DB.CreateBatchSize > 0
	case "DisableNestedTransaction":
		return c.DB.DisableNestedTransaction
	case "FullSaveAssociations":
		return c.DB.FullSaveAssociations
	case "TranslateError":
		return c.DB.TranslateError
	case "TrackExplicit":
		return c.options.Explicit
	case "mysql or mariadb":
		return c.DB.Name() == "mysql"
	case "mysql":
		return c.DB.Name() == "mysql" && !c.mariadb()
	case "postgres", "sqlite":
		return c.DB.Name() == under
	default:
		c.Fatalf("nobody knows what %s is", under)
		return false
	}
}

// mariadb reports whether a server that speaks MySQL is MariaDB.
func (c *C) mariadb() bool {
	c.Helper()
	var version string
	require.NoError(c, c.DB.Raw("SELECT VERSION()").Scan(&version).Error)
	return strings.Contains(version, "MariaDB")
}

// differs reports whether the case keeps its promise in another way on this database. It fails the case if the list of differences has no line for
// this.
func (c *C) differs(under string) bool {
	c.Helper()
	if !slices.ContainsFunc(differences(), func(d difference) bool { return d.under == under && d.name == c.name }) {
		c.Fatalf("the list of differences has no line for %s under %s", c.name, under)
	}
	c.asked[under] = true
	return c.applies(under)
}

// differences returns the lines of the list that apply to the case. It fails the case for each of its lines that the case has not asked for.
func (c *C) differences() []string {
	c.Helper()
	var lines []string
	for _, d := range differences() {
		if d.name != c.name {
			continue
		}
		if !c.asked[d.under] {
			c.Errorf("the list of differences has a line for %s that the case does not ask for", d.under)
		}
		if c.applies(d.under) {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", d.under, d.name, d.reason))
		}
	}
	return lines
}

// truth returns a session that reads the stored rows.
func (c *C) truth() *gorm.DB { return c.source().Session(&gorm.Session{SkipHooks: true}) }
