package relations

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// returns is the key of the answers of Returns.
type returns struct{ table string }

// Returns reports whether statements on the table can return the rows that they write. Views, tables with rules, virtual tables and unknown databases
// cannot. It asks the database once.
func (c *Catalog) Returns(db *gorm.DB, table string) bool {
	if known, ok := c.known.Load(returns{table}); ok {
		return known == true
	}
	ask, name := db.Session(&gorm.Session{NewDB: true, SkipHooks: true}), rows.Bare(table)
	var tables int64
	var err error
	switch db.Name() {
	case "sqlite":
		if name == table { // an attached database has a catalog of its own
			err = ask.Raw("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?) AND sql NOT LIKE 'CREATE VIRTUAL%'",
				name).Scan(&tables).Error
		}
	case "postgres":
		err = ask.Raw("SELECT COUNT(*) FROM pg_class c WHERE c.oid = to_regclass(?) AND c.relkind IN ('r', 'p')"+
			" AND NOT EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid)", quoted(db, table)).Scan(&tables).Error
	case "mysql":
		err = ask.Raw("SELECT COUNT(*) FROM information_schema.tables WHERE table_type = 'BASE TABLE'"+
			" AND table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ?",
			schemaOf(table), name).Scan(&tables).Error
	}
	if err == nil {
		c.known.Store(returns{table}, tables > 0)
	}
	return err == nil && tables > 0
}

// schemaOf returns the schema in the name of a table, or "".
func schemaOf(table string) string {
	return strings.TrimSuffix(strings.TrimSuffix(table, rows.Bare(table)), ".")
}

// primary is the key of the answers of Primary.
type primary struct{ table, columns string }

// Primary reports whether the primary key of a table of MySQL has these columns. It asks the database once.
func (c *Catalog) Primary(db *gorm.DB, table string, keys []*schema.Field) bool {
	columns := make([]string, len(keys))
	for i, f := range keys {
		columns[i] = f.DBName
	}
	asked := primary{table, strings.Join(columns, ",")} // two models of a table may have different keys
	if known, ok := c.known.Load(asked); ok {
		return known == true
	}
	var of struct{ Known, Others int }
	err := db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Raw("SELECT COUNT(CASE WHEN column_name IN ? THEN 1 END) AS known, COUNT(CASE WHEN column_name NOT IN ? THEN 1 END) AS others"+
		" FROM information_schema.statistics WHERE index_name = 'PRIMARY' AND table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ?",
		columns, columns, schemaOf(table), rows.Bare(table)).Scan(&of).Error
	is := err == nil && of.Known == len(keys) && of.Others == 0
	if err == nil {
		c.known.Store(asked, is)
	}
	return is
}
