package rows

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Read is one of the reads that Together makes in one statement. It finds the rows whose fields hold one of the values.
type Read struct {
	Query

	Model  *Model
	DB     *gorm.DB        // its statement names the table
	By     []*schema.Field // never NULL in a row that is found
	Values [][]any
}

// maxTogether is how many combinations of rows one statement may make the database look at.
const maxTogether = 1000

// Together makes several reads in one statement. It reports false, and has read nothing, if a table is read for the first time, or if separate
// statements cost less because there are many values.
func Together(reads []Read) (sets []*Set, ok bool, err error) {
	if len(reads) < 2 || !slices.Contains([]string{"sqlite", "postgres", "mysql"}, reads[0].DB.Name()) {
		return nil, false, nil
	}
	pairs := 1
	for i := range reads {
		r := &reads[i]
		r.named = r.Model.names(r.DB, r.Query)
		pairs *= max(1, len(r.Values))
		if !r.named || pairs > maxTogether || r.DB.Statement.TableExpr != nil {
			return nil, false, nil
		}
	}
	text, vars, err := buildTogether(reads)
	if err != nil {
		return nil, false, err
	}
	db, begun := reads[0].DB, time.Now()
	sets, err = fillTogether(db, reads, text, vars)
	n := 0
	for i, set := range sets {
		n += set.Len()
		if reads[i].Model.outdated(reads[i].DB, reads[i].Query, err) {
			sets = nil
		}
	}
	Trace(db.Statement.Context, db, begun, text, vars, int64(n), err)
	if sets == nil {
		return nil, false, nil
	}
	return sets, true, err
}

// buildTogether makes a SELECT that returns the rows of one read after the other, in columns of their own. A UNION would mix the types of the
// columns.
func buildTogether(reads []Read) (text string, vars []any, err error) {
	var head, numbers, tail strings.Builder
	for i, r := range reads {
		n := strconv.Itoa(i)
		if i > 0 {
			_, _ = numbers.WriteString(" UNION ALL ")
		}
		_, _ = numbers.WriteString("SELECT " + n + " AS n")
		_, _ = head.WriteString(", signals_" + n + ".*")
		q := r.Query
		q.Where, q.before = r.where(), vars
		stmt := r.Model.build(r.DB, q)
		if stmt.Error != nil {
			return "", nil, stmt.Error
		}
		vars = stmt.Vars
		_, _ = tail.WriteString(" LEFT JOIN (" + stmt.SQL.String() + ") AS signals_" + n + " ON signals_reads.n = " + n)
	}
	return "SELECT signals_reads.n" + head.String() + " FROM (" + numbers.String() + ") AS signals_reads" + tail.String(), vars, nil
}

// fillTogether runs a SELECT that buildTogether made, and reads its rows.
func fillTogether(db *gorm.DB, reads []Read, text string, vars []any) (sets []*Set, err error) {
	sets = make([]*Set, len(reads))
	for i := range sets {
		sets[i] = &Set{}
	}
	return sets, query(db.Statement, db.Name(), text, vars, func(result *sql.Rows) error {
		looks := newTogether(reads, sets)
		for result.Next() {
			if err := looks.row(db.Statement.Context, result); err != nil {
				return err
			}
		}
		return result.Err()
	})
}

// together reads the rows of several reads.
type together struct {
	reads    []Read
	sets     []*Set
	scanners []*scanner
	probe    []any // scans the number of the read and one column of each read, ignores the others
	number   int
	cells    []any // the values of these columns
}

func newTogether(reads []Read, sets []*Set) *together {
	t := &together{reads: reads, sets: sets, cells: make([]any, len(reads))}
	t.probe = append(t.probe, &t.number)
	for i, r := range reads {
		sets[i].make(r.Model, r.Query)
		s := newScanner(r.Model.columns)
		s.typed = r.DB.Name() == "sqlite"
		s.first = len(t.probe)
		t.scanners = append(t.scanners, s)
		for _, c := range r.Model.columns {
			if c.field == r.By[0] {
				t.probe = append(t.probe, &t.cells[i])
			} else {
				t.probe = append(t.probe, ignored{})
			}
		}
	}
	for _, s := range t.scanners {
		dest := make([]any, len(t.probe))
		for i := range dest {
			dest[i] = ignored{}
		}
		copy(dest[s.first:], s.dest)
		s.dest = dest
	}
	return t
}

// row reads the current row of a result into the set of its read. It ignores the row of a read that has found nothing.
func (t *together) row(ctx context.Context, result *sql.Rows) error {
	if err := result.Scan(t.probe...); err != nil || t.cells[t.number] == nil {
		return err
	}
	set, s := t.sets[t.number], t.scanners[t.number]
	i := set.grow()
	unfit, err := s.scan(ctx, result, set.first.Index(i))
	set.noteUnfit(i, unfit)
	set.loose = s.loose
	return err
}

// where returns the conditions of a read.
func (r *Read) where() []clause.Expression {
	return append([]clause.Expression{In(r.DB.Name(), r.By, r.Values)}, r.Where...)
}
