package relations

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/rows"
)

// Catalog remembers which foreign keys a database has. Its zero value is ready for use.
type Catalog struct{ known sync.Map }

// foreignKey identifies a question to a Catalog.
type foreignKey struct{ parent, child, columns string }

// Has reports whether the database has the foreign key that deletes the children with their parents. It asks once. Whether a session obeys foreign
// keys is another question: see [Obeyed].
func (c *Catalog) Has(db *gorm.DB, on *Cascade) (bool, error) {
	k := foreignKey{on.Parent.Table, on.Child.Table, strings.Join(on.columns(), ",")}
	if has, ok := c.known.Load(k); ok {
		return has == true, nil
	}
	has, err := on.stored(db.Session(&gorm.Session{NewDB: true, SkipHooks: true}))
	if err == nil {
		c.known.Store(k, has)
	}
	return has, err
}

// Obeyed returns a condition that holds if the session obeys foreign keys, nil if this package cannot ask. Sessions of one database may differ. As a
// condition of the query for the children, the question costs no statement.
func Obeyed(dialect string) clause.Expression {
	switch dialect {
	case "sqlite":
		return clause.Expr{SQL: "(SELECT foreign_keys FROM pragma_foreign_keys) = 1"}
	case "postgres":
		return clause.Expr{SQL: "current_setting('session_replication_role', true) IS DISTINCT FROM 'replica'"}
	case "mysql":
		return clause.Expr{SQL: "@@foreign_key_checks = 1"}
	}
	return nil
}

// Relation is what a name refers to in PostgreSQL.
type Relation struct {
	Table    bool // rows have system columns, such as xmax
	Lockable bool // SELECT ... FOR UPDATE works: a table, or a view that is updatable without a trigger
}

// Relation asks once what a table's name refers to. Without an answer it assumes a table, and asks again the next time.
func (c *Catalog) Relation(db *gorm.DB, name string) Relation {
	k := foreignKey{parent: name}
	if known, ok := c.known.Load(k); ok {
		relation, _ := known.(Relation)
		return relation
	}
	var relation Relation
	err := db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Raw("SELECT relkind IN ('r', 'p') AS \"table\","+
		" relkind IN ('r', 'p') OR pg_relation_is_updatable(oid, false) <> 0 AS lockable FROM pg_class WHERE oid = to_regclass(?)",
		quoted(db, name)).Scan(&relation).Error
	if err != nil {
		relation = Relation{Table: true, Lockable: true}
	}
	if err == nil || refusesQuestion(err) {
		c.known.Store(k, relation)
	}
	return relation
}

// refusesQuestion reports whether a server similar to PostgreSQL has answered that it does not understand a query. It would do so each time, and each
// time this ends the transaction.
func refusesQuestion(err error) bool {
	s := (interface{ SQLState() string })(nil)
	return errors.As(err, &s) && (strings.HasPrefix(s.SQLState(), "42") || strings.HasPrefix(s.SQLState(), "0A"))
}

// key is one column of a foreign key that the database has.
type key struct {
	Name   string
	Column string
}

func (c *Cascade) stored(db *gorm.DB) (bool, error) {
	var keys []key
	var err error
	child, parent := rows.Bare(c.Child.Table), rows.Bare(c.Parent.Table)
	switch db.Name() {
	case "sqlite":
		err = db.Raw(`SELECT id AS name, "from" AS "column" FROM pragma_foreign_key_list(?) WHERE lower("table") = lower(?) AND on_delete = 'CASCADE'`,
			child, parent).Scan(&keys).Error
	case "postgres":
		err = db.Raw(`SELECT k.conname AS name, a.attname AS "column" FROM pg_constraint k
			JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
			WHERE k.contype = 'f' AND k.confdeltype = 'c' AND k.conrelid = to_regclass(?) AND k.confrelid = to_regclass(?)`,
			quoted(db, c.Child.Table), quoted(db, c.Parent.Table)).Scan(&keys).Error
	case "mysql":
		err = db.Raw("SELECT k.constraint_name AS name, k.column_name AS `column` FROM information_schema.referential_constraints r"+
			" JOIN information_schema.key_column_usage k ON k.constraint_schema = r.constraint_schema"+
			" AND k.constraint_name = r.constraint_name AND k.table_name = r.table_name"+
			" WHERE r.constraint_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND r.delete_rule = 'CASCADE'"+
			" AND r.table_name = ? AND r.referenced_table_name = ?",
			schemaOf(c.Child.Table), child, parent).Scan(&keys).Error
	default:
		return true, nil // the model says so, and this package cannot ask
	}
	return c.among(keys), err
}

// among reports whether one of the foreign keys has the columns of the cascade.
func (c *Cascade) among(keys []key) bool {
	columns := map[string][]string{}
	for _, k := range keys {
		columns[k.Name] = append(columns[k.Name], strings.ToLower(k.Column))
	}
	own := c.columns()
	for i := range own {
		own[i] = strings.ToLower(own[i])
	}
	slices.Sort(own)
	for _, of := range columns {
		slices.Sort(of)
		if slices.Equal(of, own) {
			return true
		}
	}
	return false
}

func quoted(db *gorm.DB, table string) string {
	return (&gorm.Statement{DB: db}).Quote(clause.Table{Name: table})
}
