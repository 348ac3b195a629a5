package statement

// Dialect is GORM's name for a kind of database. Its methods say how databases differ for the statements of a write. internal/rows knows how they
// store values, internal/txn how their transactions end.
type Dialect string

const (
	onSQLite   Dialect = "sqlite"
	onPostgres Dialect = "postgres"
	onMySQL    Dialect = "mysql" // MariaDB too
)

// CountsUnchanged reports whether an UPDATE counts a row that keeps its values.
func (d Dialect) CountsUnchanged() bool { return d != onMySQL }

// WritesInOrder reports whether a statement checks uniqueness row by row, so that the order of its rows matters.
func (d Dialect) WritesInOrder() bool { return d == onMySQL }

// LocksGaps reports whether a locking read that finds no row locks the gap. Two connections that lock a gap and then insert wait for each other.
func (d Dialect) LocksGaps() bool { return d == onMySQL }

// ConflictsOnAny reports whether an upsert conflicts on every unique index, whatever its clause names.
func (d Dialect) ConflictsOnAny() bool { return d == onMySQL }

// MarksWritten reports whether system columns of a row say which transaction wrote it and whether an upsert found it.
func (d Dialect) MarksWritten() bool { return d == onPostgres }

// NotesFound reports whether an INSERT can note in a session variable which stored rows it finds, see foundVariable.
func (d Dialect) NotesFound() bool { return d == onMySQL }

// SkipsValued reports whether GORM, when it reads what DO NOTHING returned, skips structs that have a value. MySQL has no DO NOTHING.
func (d Dialect) SkipsValued() bool { return d != onMySQL }

// HasDefaultWord reports whether a statement can write DEFAULT in place of a value.
func (d Dialect) HasDefaultWord() bool { return d != onSQLite }

// FailsWhole reports whether a failed statement ends its transaction.
func (d Dialect) FailsWhole() bool { return d == onPostgres }

// LocksViews reports whether FOR UPDATE works on every table and view.
func (d Dialect) LocksViews() bool { return d != onPostgres }

// CountsCascaded reports whether a DELETE counts rows that it names and that the database has already deleted with their parents.
func (d Dialect) CountsCascaded() bool { return d == onPostgres }

// SparesCascaded reports whether a trigger can keep a row whose parent the database deletes. Others refuse such a statement.
func (d Dialect) SparesCascaded() bool { return d == onPostgres }

// ReturnsUpdated reports whether an UPDATE can return the rows that it writes.
func (d Dialect) ReturnsUpdated() bool { return d == onSQLite || d == onPostgres }

// LimitsDelete reports whether DELETE has a LIMIT.
func (d Dialect) LimitsDelete() bool { return d == onMySQL }

// StandsStill reports whether no other connection can change rows between a transaction's read and its write.
func (d Dialect) StandsStill() bool { return d == onSQLite }
