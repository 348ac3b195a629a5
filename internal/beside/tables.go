package beside

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// Prepare creates the tables with their seeds, a copy of the seeds, and the triggers. It does nothing if they exist.
func Prepare(db *gorm.DB) error {
	if db.Migrator().HasTable("switches") {
		return nil
	}
	models := []any{&Audit{}}
	for _, k := range tables() {
		models = append(models, k.model)
	}
	if err := db.AutoMigrate(models...); err != nil {
		return err
	}
	for _, k := range tables() {
		if err := db.Omit("Chief", "Children", "Tags").Create(k.seeds).Error; err != nil {
			return err
		}
	}
	statements := []string{
		"INSERT INTO owner_tags (owner_id, tag_id) VALUES (1,1), (1,2), (2,2)",
		"UPDATE pages SET deleted_at = '2026-01-01 00:00:00' WHERE id = 6",
		"CREATE TABLE switches (keeps integer)",
		"INSERT INTO switches VALUES (0)",
	}
	for _, table := range watched() {
		columns, err := columnsOf(db, table)
		if err != nil {
			return err
		}
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s_seed AS SELECT * FROM %s", table, table))
		logged, err := logTable(db, table)
		if err != nil {
			return err
		}
		statements = append(statements, logged...)
		if table != "audits" {
			statements = append(statements, triggers(db.Name(), table, columns)...)
		}
	}
	for _, statement := range statements {
		if err := db.Exec(statement).Error; err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// watched are all tables, children first, so that they can be emptied in this order.
func watched() []string {
	return []string{"owner_tags", "children", "owners", "audits", "items", "pages", "docs", "notes", "seats", "tags"}
}

// columnsOf lists the quoted columns of a table.
func columnsOf(db *gorm.DB, table string) ([]string, error) {
	types, err := db.Migrator().ColumnTypes(table)
	if err != nil {
		return nil, err
	}
	columns := make([]string, len(types))
	for i, column := range types {
		columns[i] = (&gorm.Statement{DB: db}).Quote(column.Name())
	}
	return columns, nil
}

// logTable creates the table into which the triggers of a table write. It has the same columns, without keys.
func logTable(db *gorm.DB, table string) ([]string, error) {
	types, err := db.Migrator().ColumnTypes(table)
	if err != nil {
		return nil, err
	}
	columns := make([]string, len(types), len(types)+2)
	for i, column := range types {
		name := column.DatabaseTypeName()
		if whole, known := column.ColumnType(); known && db.Name() == "mysql" { // as in "bigint unsigned"
			name = whole
		}
		columns[i] = (&gorm.Statement{DB: db}).Quote(column.Name()) + " " + name
	}
	columns = append(columns, "verb varchar(10)")
	if number := map[string]string{"postgres": "bigserial", "mysql": "bigint AUTO_INCREMENT UNIQUE"}[db.Name()]; number != "" {
		columns = append(columns, "seq "+number)
	}
	return []string{fmt.Sprintf("CREATE TABLE %s_log (%s)", table, strings.Join(columns, ", "))}, nil
}

// logOrder is the order in which the lines of a log are read.
func logOrder(dialect string) string {
	if dialect == "sqlite" {
		return "rowid"
	}
	return "seq"
}

// triggers logs what happens to the rows of a table, and keeps rows with a certain name from being written.
func triggers(dialect, table string, columns []string) []string {
	line := func(verb, row string) string {
		values := make([]string, len(columns))
		for i, column := range columns {
			values[i] = row + "." + column
		}
		return fmt.Sprintf("INSERT INTO %s_log (verb, %s) VALUES ('%s', %s);", table, strings.Join(columns, ", "), verb, strings.Join(values, ", "))
	}
	insert, update, remove := line("insert", "NEW"), line("old", "OLD")+" "+line("new", "NEW"), line("delete", "OLD")
	kept := table != "owner_tags"
	switch dialect {
	case "postgres":
		return postgresTriggers(table, insert, update, remove, kept)
	case "mysql":
		make1 := func(event, body string) string {
			return fmt.Sprintf("CREATE TRIGGER %s_%s AFTER %s ON %s FOR EACH ROW BEGIN %s END", table, event, event, table, body)
		}
		same := make([]string, len(columns))
		for i, column := range columns {
			same[i] = column + " <=> NEW." + column
		}
		// This trigger also runs for rows that UPDATE IGNORE does not write.
		update = fmt.Sprintf("IF EXISTS (SELECT 1 FROM %s WHERE %s) THEN %s END IF;", table, strings.Join(same, " AND "), update)
		all := []string{make1("insert", insert), make1("update", update), make1("delete", remove)}
		if kept {
			all = append(all, mysqlKeep(table, columns))
		}
		return all
	}
	var all []string
	for _, pair := range [][2]string{{"insert", insert}, {"update", update}, {"delete", remove}} {
		event, body := pair[0], pair[1]
		all = append(all, fmt.Sprintf("CREATE TRIGGER %s_%s AFTER %s ON %s BEGIN %s END", table, event, event, table, body))
		row := "OLD"
		if event == "insert" {
			row = "NEW"
		}
		if kept {
			all = append(all, fmt.Sprintf(`CREATE TRIGGER %s_%s_keep BEFORE %s ON %s WHEN %s.name = '%s' AND (SELECT keeps FROM switches) = 1
				BEGIN SELECT RAISE(IGNORE); END`, table, event, event, table, row, keptName))
		}
	}
	return all
}

// mysqlKeep creates a trigger that gives a row its old values back, because a trigger of MariaDB or MySQL cannot skip a row.
func mysqlKeep(table string, columns []string) string {
	old := make([]string, len(columns))
	for i, column := range columns {
		old[i] = "NEW." + column + " = OLD." + column
	}
	return fmt.Sprintf("CREATE TRIGGER %s_keep BEFORE UPDATE ON %s FOR EACH ROW BEGIN IF OLD.name = '%s' AND (SELECT keeps FROM switches) = 1 THEN SET %s; END IF; END",
		table, table, keptName, strings.Join(old, ", "))
}

func postgresTriggers(table, insert, update, remove string, kept bool) []string {
	all := []string{
		fmt.Sprintf(`CREATE FUNCTION %s_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF TG_OP = 'INSERT' THEN %s ELSIF TG_OP = 'UPDATE' THEN %s ELSE %s END IF; RETURN NULL; END $$`, table, insert, update, remove),
		fmt.Sprintf("CREATE TRIGGER %s_log AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s_log()", table, table, table),
	}
	if !kept {
		return all
	}
	return append(all,
		fmt.Sprintf(`CREATE FUNCTION %s_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF (SELECT keeps FROM switches) = 1 AND (CASE WHEN TG_OP = 'INSERT' THEN NEW.name ELSE OLD.name END) = '%s' THEN RETURN NULL; END IF;
			IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$`, table, keptName),
		fmt.Sprintf("CREATE TRIGGER %s_keep BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s_keep()", table, table, table))
}
