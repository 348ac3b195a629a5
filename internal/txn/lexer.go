package txn

import "strings"

// Dialect says how to read SQL: dialects differ in comments, quotes and names of savepoints.
type Dialect uint8

const (
	// Other is an unknown database. Its SQL is read as standard SQL, with SQL Server's words for savepoints.
	Other Dialect = iota
	// SQLite is SQLite.
	SQLite
	// Postgres is PostgreSQL and databases that speak its dialect.
	Postgres
	// MySQL is MySQL and MariaDB.
	MySQL
)

// DialectOf returns the dialect that GORM knows by this name.
func DialectOf(name string) Dialect {
	switch name {
	case "sqlite", "sqlite3":
		return SQLite
	case "postgres":
		return Postgres
	case "mysql":
		return MySQL
	}
	return Other
}

type tokenKind uint8

const (
	end tokenKind = iota
	semicolon
	word   // a keyword, a number or a bare name
	quoted // text holds the quotes
	other
)

// token is a part of the SQL text, without blanks and comments.
type token struct {
	kind tokenKind
	text string
}

// is reports whether a token is one of these keywords, given in upper case.
func (t token) is(keywords ...string) bool {
	if t.kind != word {
		return false
	}
	for _, k := range keywords {
		if len(t.text) == len(k) && strings.EqualFold(t.text, k) {
			return true
		}
	}
	return false
}

// last reports whether a token ends its statement.
func (t token) last() bool { return t.kind == end || t.kind == semicolon }

// lexer cuts a text into tokens without an allocation.
type lexer struct {
	s       string
	pos     int
	dialect Dialect
	inside  bool // within an executable comment of MySQL, /*! ... */
}

// next returns the next token. After the last token it always returns end.
func (l *lexer) next() token {
	l.skip()
	if l.pos >= len(l.s) {
		return token{}
	}
	start, c := l.pos, l.s[l.pos]
	switch {
	case c == ';':
		l.pos++
		return token{semicolon, l.s[start:l.pos]}
	case c == '\'', c == '"', c == '`', c == '[' && (l.dialect == SQLite || l.dialect == Other):
		l.quote(l.dialect == MySQL && c != '`')
		return token{quoted, l.s[start:l.pos]}
	case c == '$' && l.dialect == Postgres && l.dollar():
		return token{other, l.s[start:l.pos]}
	case isName(c):
		for l.pos < len(l.s) && (isName(l.s[l.pos]) || l.s[l.pos] == '$') {
			l.pos++
		}
		if l.dialect == Postgres && l.pos == start+1 && c|0x20 == 'e' && l.at("'") {
			l.quote(true)
			return token{other, l.s[start:l.pos]}
		}
		return token{word, l.s[start:l.pos]}
	}
	l.pos++
	return token{other, l.s[start:l.pos]}
}

// skip moves past blanks and comments.
func (l *lexer) skip() {
	for l.pos < len(l.s) {
		switch c := l.s[l.pos]; {
		case isBlank(c):
			l.pos++
		case c == '-' && l.at("--") && (l.dialect != MySQL || l.pos+2 == len(l.s) || l.s[l.pos+2] <= ' '),
			c == '#' && l.dialect == MySQL:
			l.line()
		case c == '/' && l.dialect == MySQL && (l.at("/*!") || l.at("/*M!")):
			l.pos = l.after('!')
			for l.pos < len(l.s) && l.s[l.pos] >= '0' && l.s[l.pos] <= '9' {
				l.pos++
			}
			l.inside = true
		case c == '*' && l.inside && l.at("*/"):
			l.pos += 2
			l.inside = false
		case c == '/' && l.at("/*"):
			l.comment()
		default:
			return
		}
	}
}

func (l *lexer) at(prefix string) bool { return strings.HasPrefix(l.s[l.pos:], prefix) }

// after returns the position after the next c, or the end of the text.
func (l *lexer) after(c byte) int {
	if i := strings.IndexByte(l.s[l.pos:], c); i >= 0 {
		return l.pos + i + 1
	}
	return len(l.s)
}

func (l *lexer) line() { l.pos = l.after('\n') }

// comment moves past a /* comment */, which may be nested in PostgreSQL.
func (l *lexer) comment() {
	depth := 1
	for l.pos += 2; l.pos < len(l.s) && depth > 0; {
		switch {
		case l.at("*/"):
			depth--
			l.pos += 2
		case l.dialect == Postgres && l.at("/*"):
			depth++
			l.pos += 2
		default:
			l.pos++
		}
	}
}

// quote moves past a quoted text. The closing quote is written twice within it, or after a backslash if backslashes escape.
func (l *lexer) quote(backslash bool) {
	closing := l.s[l.pos]
	if closing == '[' {
		closing = ']'
	}
	for l.pos++; l.pos < len(l.s); l.pos++ {
		switch c := l.s[l.pos]; {
		case c == '\\' && backslash:
			l.pos++
		case c == closing && l.pos+1 < len(l.s) && l.s[l.pos+1] == closing && (closing != ']' || l.dialect != SQLite):
			l.pos++
		case c == closing:
			l.pos++
			return
		}
	}
	l.pos = len(l.s)
}

// dollar moves past a dollar-quoted text of PostgreSQL, and reports whether there is one.
func (l *lexer) dollar() bool {
	i := l.pos + 1
	for i < len(l.s) && isName(l.s[i]) {
		i++
	}
	if i >= len(l.s) || l.s[i] != '$' {
		return false
	}
	tag := l.s[l.pos : i+1]
	if closing := strings.Index(l.s[i+1:], tag); closing >= 0 {
		l.pos = i + 1 + closing + len(tag)
	} else {
		l.pos = len(l.s)
	}
	return true
}

func isBlank(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }

func isName(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}
