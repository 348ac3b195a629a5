package relations

import (
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/rows"
)

// returns is what a Catalog keeps the answers of Returns under.
type returns struct{ table string }

// Returns reports whether statements on the table can return the rows that they write. Those on views, tables with rules and virtual tables
// cannot, nor those of a database that the library does not know. The database is asked once.
func (c *Catalog) Returns(db *gorm.DB, table string) bool {
	if known, ok := c.known.Load(returns{table}); ok {
		return known == true
	}
	ask, name := db.Session(&gorm.Session{NewDB: true, SkipHooks: true}), rows.Bare(table)
	var tables int64
	var err error
	switch db.Name() {
	case "sqlite":
		if name == table { // another schema has a catalog of its own
			err = ask.Raw("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?) AND sql NOT LIKE 'CREATE VIRTUAL%'",
				name).Scan(&tables).Error
		}
	case "postgres":
		err = ask.Raw("SELECT COUNT(*) FROM pg_class c WHERE c.oid = to_regclass(?) AND c.relkind IN ('r', 'p')"+
			" AND NOT EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid)", quoted(db, table)).Scan(&tables).Error
	case "mysql":
		err = ask.Raw("SELECT COUNT(*) FROM information_schema.tables WHERE table_type = 'BASE TABLE'"+
			" AND table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ?",
			strings.TrimSuffix(strings.TrimSuffix(table, name), "."), name).Scan(&tables).Error
	}
	if err == nil {
		c.known.Store(returns{table}, tables > 0)
	}
	return err == nil && tables > 0
}
