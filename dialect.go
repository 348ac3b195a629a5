package signals

// dialect is the name that GORM gives to a kind of database. Its methods are all that the databases differ in for the statements of this
// package; internal/rows knows how they store values, and internal/txn how their transactions end.
type dialect string

const (
	onSQLite   dialect = "sqlite"
	onPostgres dialect = "postgres"
	onMySQL    dialect = "mysql" // MariaDB too
)

// countsUnchanged reports whether a row counts as written that gets the values that it has.
func (d dialect) countsUnchanged() bool { return d != onMySQL }

// writesInOrder reports whether the order in which a statement writes its rows matters: uniqueness is checked row by row.
func (d dialect) writesInOrder() bool { return d == onMySQL }

// locksGaps reports whether the gap is locked where a row was looked for in vain. Two connections that hold such a lock and then insert wait
// for each other.
func (d dialect) locksGaps() bool { return d == onMySQL }

// conflictsOnAny reports whether an upsert conflicts on every unique index, whatever it names.
func (d dialect) conflictsOnAny() bool { return d == onMySQL }

// marksWritten reports whether each stored row tells which transaction has written it and whether an upsert has found it.
func (d dialect) marksWritten() bool { return d == onPostgres }

// notesFound reports whether an INSERT can note the stored rows that it finds, see foundVariable.
func (d dialect) notesFound() bool { return d == onMySQL }

// skipsValued reports whether GORM passes over structs that have a value when it reads what DO NOTHING has returned. MySQL has no such clause.
func (d dialect) skipsValued() bool { return d != onMySQL }

// hasDefaultWord reports whether DEFAULT can stand for a value.
func (d dialect) hasDefaultWord() bool { return d != onSQLite }

// failsWhole reports whether a failed statement is the end of its transaction.
func (d dialect) failsWhole() bool { return d == onPostgres }

// locksViews reports whether every table and view can be read with FOR UPDATE.
func (d dialect) locksViews() bool { return d != onPostgres }

// countsCascaded reports whether a DELETE counts the rows that it names and that went with their parents before it came to them.
func (d dialect) countsCascaded() bool { return d == onPostgres }

// sparesCascaded reports whether a trigger can keep a row that the database deletes with its parent. Others refuse the statement then.
func (d dialect) sparesCascaded() bool { return d == onPostgres }
