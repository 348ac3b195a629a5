package statement

import (
	"cmp"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// TableOf returns the table that a statement on a model names. Statement.Table has no schema, and an alias in place of the name; the table expression
// has schema and name.
func TableOf(stmt *gorm.Statement, model *schema.Schema) string {
	if stmt == nil || stmt.Schema != model || stmt.Table == "" {
		return model.Table
	}
	if stmt.TableExpr == nil {
		if stmt.Table == rows.Bare(model.Table) {
			return model.Table
		}
		return stmt.Table
	}
	if name := tableIn(stmt.TableExpr.SQL); name != "" {
		return name
	}
	if len(stmt.TableExpr.Vars) > 0 && strings.HasPrefix(strings.TrimSpace(stmt.TableExpr.SQL), "?") {
		switch named, ok := stmt.TableExpr.Vars[0].(clause.Table); {
		case !ok || named.Name == "" || named.Name == clause.CurrentTable:
		case named.Raw:
			return cmp.Or(tableIn(named.Name), named.Name)
		default:
			return named.Name
		}
	}
	return stmt.Table
}

// tableIn returns the name that a text begins with, without its quotes: archive.rows of `archive`.`rows` AS r. It returns "" if the text begins with
// something else.
func tableIn(sql string) string {
	var name strings.Builder
	rest := strings.TrimSpace(sql)
	for {
		part, after, ok := identifier(rest)
		if !ok {
			return ""
		}
		name.WriteString(part)
		if rest, ok = strings.CutPrefix(after, "."); !ok {
			return name.String()
		}
		name.WriteByte('.')
	}
}

// identifier splits a text into the identifier that it begins with, without its quotes, and the rest.
func identifier(sql string) (name, rest string, ok bool) {
	if sql == "" {
		return "", "", false
	}
	closing := map[byte]string{'"': `"`, '`': "`", '[': "]"}[sql[0]]
	if closing == "" {
		end := strings.IndexAny(sql, " \t\r\n.,;()?\"`[")
		if end < 0 {
			end = len(sql)
		}
		return sql[:end], sql[end:], end > 0
	}
	var text strings.Builder
	for rest = sql[1:]; ; { // a doubled quote is a part of the name
		before, after, found := strings.Cut(rest, closing)
		if !found {
			return "", "", false
		}
		text.WriteString(before)
		if rest = after; !strings.HasPrefix(rest, closing) {
			return text.String(), rest, true
		}
		text.WriteString(closing)
		rest = rest[len(closing):]
	}
}
