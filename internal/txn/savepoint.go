package txn

import "strings"

// verb is the effect of a statement on its transaction.
type verb uint8

const (
	none       verb = iota
	set             // SAVEPOINT x
	release         // RELEASE [SAVEPOINT] x
	rollbackTo      // ROLLBACK [TRANSACTION|WORK] TO [SAVEPOINT] x
	rollback        // ROLLBACK
	commit          // COMMIT, and statements that MySQL commits by itself
	begin           // BEGIN
	unclear         // it begins like one of these, and continues in an unknown way
)

// step is the effect of one statement.
type step struct {
	verb  verb
	name  string // name of the savepoint, in a form in which equal names are equal texts
	chain bool   // another transaction begins at once
}

// Concerns reports whether a text may have a statement about transactions. It is fast: of other statements it reads the first letters and looks for a
// semicolon.
func (d Dialect) Concerns(text string) bool {
	i := 0
	for i < len(text) && isBlank(text[i]) {
		i++
	}
	if i+2 < len(text) {
		second, third := text[i+1]|0x20, text[i+2]|0x20
		switch first := text[i] | 0x20; {
		case first < 'a' || first > 'z', // a comment, or something else before the first word
			first == 's' && (second == 'a' || second == 't'), // SAVEPOINT, SAVE, START
			first == 'r' && third == 'l',                     // ROLLBACK, RELEASE
			first == 'b' && second == 'e',                    // BEGIN
			first == 'e' && second == 'n',                    // END
			first == 'c',                                     // COMMIT, CREATE
			first == 'a':                                     // ABORT, ALTER
			return true
		case d == MySQL && (first == 'd' && second == 'r' || first == 't' || first == 'g' || first == 'r' && third != 'p'):
			return true // DROP, TRUNCATE, GRANT, RENAME, REVOKE, but not REPLACE
		}
	}
	semi := strings.IndexByte(text, ';')
	return semi >= 0 && strings.TrimLeft(text[semi:], "; \t\r\n") != ""
}

// maxWords is how many words of a statement are needed to know its effect. The longest is CREATE OR REPLACE DEFINER = `user` @ `host` AGGREGATE
// FUNCTION of MariaDB.
const maxWords = 10

// steps calls f for every statement of a text that is about transactions, in order.
func (d Dialect) steps(text string, f func(step)) {
	if !d.Concerns(text) {
		return
	}
	l := lexer{s: text, dialect: d}
	for {
		var words [maxWords]token
		n, body := 0, false
		t := l.next()
		for ; !t.last(); t = l.next() {
			if n < maxWords {
				words[n] = t
				n++
			}
			body = body || (d == Postgres && t.is("ATOMIC"))
		}
		block := d.block(words)
		if s := d.step(words); s.verb != none && (!block || s.verb != begin) {
			f(s)
		}
		switch {
		case body, block && d == SQLite:
			t = l.body(t)
		case block:
			return // only the database knows where its body ends
		}
		if t.kind == end {
			return
		}
	}
}

// block reports whether a statement has a body with statements.
func (d Dialect) block(words [maxWords]token) bool {
	if words[0].is("BEGIN") {
		return words[1].is("NOT") // BEGIN NOT ATOMIC of MariaDB
	}
	if d == Postgres || !words[0].is("CREATE") {
		return false
	}
	for _, w := range words {
		if w.is("TRIGGER", "FUNCTION", "PROCEDURE", "EVENT", "PACKAGE") {
			return true
		}
		if w.is("ON", "AS", "TABLE", "INDEX", "VIEW") {
			return false
		}
	}
	return false
}

// body moves past the body of a trigger or function, which ends with END after a semicolon. t is the token that was read last.
func (l *lexer) body(t token) token {
	for t.kind != end {
		if t.kind == semicolon {
			if t = l.next(); !t.is("END") {
				continue
			}
			if t = l.next(); t.last() {
				return t
			}
		}
		t = l.next()
	}
	return t
}

// step returns the effect of one statement.
func (d Dialect) step(words [maxWords]token) step {
	first, rest := words[0], words[1:]
	switch {
	case first.is("SAVEPOINT"):
		return d.named(set, rest)
	case first.is("SAVE") && rest[0].is("TRANSACTION", "TRAN"):
		return d.named(set, rest[1:])
	case first.is("RELEASE"):
		return d.named(release, afterSavepoint(rest))
	case first.is("ROLLBACK"), first.is("ABORT") && d == Postgres:
		return d.rollback(rest)
	case first.is("COMMIT"), first.is("END") && (d == Postgres || d == SQLite):
		if rest[0].is("PREPARED") {
			return step{}
		}
		return step{verb: commit, chain: chains(rest)}
	case first.is("BEGIN"), first.is("START") && rest[0].is("TRANSACTION"):
		return step{verb: begin}
	case d == MySQL && commits(words):
		return step{verb: commit}
	}
	return step{}
}

func (d Dialect) rollback(rest []token) step {
	if rest[0].is("PREPARED") {
		return step{}
	}
	transaction := rest[0].is("TRANSACTION", "TRAN")
	if transaction || rest[0].is("WORK") {
		rest = rest[1:]
	}
	if transaction && !rest[0].last() && !rest[0].is("TO", "AND") {
		if d == Other { // SQL Server
			return d.named(rollbackTo, rest)
		}
		rest = rest[1:] // SQLite accepts a name of the transaction and ignores it
	}
	switch {
	case rest[0].is("TO"):
		return d.named(rollbackTo, afterSavepoint(rest[1:]))
	case rest[0].last(), rest[0].is("AND", "NO", "RELEASE"):
		return step{verb: rollback, chain: chains(rest)}
	}
	return step{verb: unclear}
}

// named reads the name of a savepoint, which must be the last word.
func (d Dialect) named(v verb, rest []token) step {
	if rest[0].last() || rest[0].kind == other || !rest[1].last() {
		return step{verb: unclear}
	}
	return step{verb: v, name: d.name(rest[0])}
}

// afterSavepoint skips the word SAVEPOINT, unless it is the name.
func afterSavepoint(rest []token) []token {
	if rest[0].is("SAVEPOINT") && !rest[1].last() {
		return rest[1:]
	}
	return rest
}

// chains reports whether a statement that ends a transaction has AND CHAIN.
func chains(words []token) bool {
	for i, w := range words {
		if w.is("AND") && i+1 < len(words) && words[i+1].is("CHAIN") {
			return true
		}
	}
	return false
}

// commits reports whether MySQL commits before this statement. See https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html.
func commits(words [maxWords]token) bool {
	switch {
	case words[0].is("CREATE", "DROP"):
		return !words[1].is("TEMPORARY") && !words[3].is("TEMPORARY") // CREATE OR REPLACE TEMPORARY TABLE
	case words[0].is("ALTER", "RENAME", "TRUNCATE", "GRANT", "REVOKE", "ANALYZE", "CHECK", "CACHE"):
		return true
	}
	return false
}

// maxPostgresName is how many bytes of a name PostgreSQL keeps.
const maxPostgresName = 63

// name returns a name in a form in which equal names are equal texts.
func (d Dialect) name(t token) string {
	name := t.text
	if t.kind == quoted {
		closing := name[len(name)-1:]
		name = strings.ReplaceAll(name[1:max(1, len(name)-1)], closing+closing, closing)
	}
	if d != Postgres {
		return strings.ToLower(name)
	}
	if t.kind != quoted {
		name = strings.ToLower(name)
	}
	return name[:min(len(name), maxPostgresName)]
}
