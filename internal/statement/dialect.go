package statement

// Dialect is the name that GORM gives to a kind of database. Its methods are all that the databases differ in for the statements of this
// package; internal/rows knows how they store values, and internal/txn how their transactions end.
type Dialect string

const (
	onSQLite   Dialect = "sqlite"
	onPostgres Dialect = "postgres"
	onMySQL    Dialect = "mysql" // MariaDB too
)

// CountsUnchanged reports whether a row counts as written that gets the values that it has.
func (d Dialect) CountsUnchanged() bool { return d != onMySQL }

// WritesInOrder reports whether the order in which a statement writes its rows matters: uniqueness is checked row by row.
func (d Dialect) WritesInOrder() bool { return d == onMySQL }

// LocksGaps reports whether the gap is locked where a row was looked for in vain. Two connections that hold such a lock and then insert wait
// for each other.
func (d Dialect) LocksGaps() bool { return d == onMySQL }

// ConflictsOnAny reports whether an upsert conflicts on every unique index, whatever it names.
func (d Dialect) ConflictsOnAny() bool { return d == onMySQL }

// MarksWritten reports whether each stored row tells which transaction has written it and whether an upsert has found it.
func (d Dialect) MarksWritten() bool { return d == onPostgres }

// NotesFound reports whether an INSERT can note the stored rows that it finds, see foundVariable.
func (d Dialect) NotesFound() bool { return d == onMySQL }

// SkipsValued reports whether GORM passes over structs that have a value when it reads what DO NOTHING has returned. MySQL has no such clause.
func (d Dialect) SkipsValued() bool { return d != onMySQL }

// HasDefaultWord reports whether DEFAULT can stand for a value.
func (d Dialect) HasDefaultWord() bool { return d != onSQLite }

// FailsWhole reports whether a failed statement is the end of its transaction.
func (d Dialect) FailsWhole() bool { return d == onPostgres }

// LocksViews reports whether every table and view can be read with FOR UPDATE.
func (d Dialect) LocksViews() bool { return d != onPostgres }

// CountsCascaded reports whether a DELETE counts the rows that it names and that went with their parents before it came to them.
func (d Dialect) CountsCascaded() bool { return d == onPostgres }

// SparesCascaded reports whether a trigger can keep a row that the database deletes with its parent. Others refuse the statement then.
func (d Dialect) SparesCascaded() bool { return d == onPostgres }

// ReturnsUpdated reports whether an UPDATE can return the rows that it writes.
func (d Dialect) ReturnsUpdated() bool { return d == onSQLite || d == onPostgres }

// LimitsDelete reports whether a DELETE can be limited to so many rows by itself.
func (d Dialect) LimitsDelete() bool { return d == onMySQL }

// StandsStill reports whether nobody else can change what a transaction has read before it writes.
func (d Dialect) StandsStill() bool { return d == onSQLite }
