package txn

import "strings"

// verb is what a statement does to the savepoints of its transaction.
type verb int

const (
	none       verb = iota
	set             // SAVEPOINT x
	release         // RELEASE [SAVEPOINT] x
	rollbackTo      // ROLLBACK [TRANSACTION|WORK] TO [SAVEPOINT] x
	rollback        // ROLLBACK
)

// savepoint reads a statement. SQL Server says SAVE TRANSACTION x and ROLLBACK TRANSACTION x.
func savepoint(statement string) (v verb, name string) {
	if !mayBeSavepoint(statement) {
		return none, ""
	}
	words := strings.Fields(strings.TrimRight(statement, "; \t\r\n"))
	for i, w := range words[:min(len(words), 4)] {
		words[i] = strings.ToUpper(w)
	}
	last := unquote(lastWord(statement))
	switch {
	case matches(words, "SAVEPOINT", "*"),
		matches(words, "SAVE", "TRANSACTION", "*"), matches(words, "SAVE", "TRAN", "*"):
		return set, last
	case matches(words, "RELEASE", "*"), matches(words, "RELEASE", "SAVEPOINT", "*"):
		return release, last
	case matches(words, "ROLLBACK"), matches(words, "ROLLBACK", "TRANSACTION"), matches(words, "ROLLBACK", "WORK"):
		return rollback, ""
	case len(words) > 1 && words[0] == "ROLLBACK":
		return rollbackTo, last
	}
	return none, ""
}

// mayBeSavepoint is a glance at the first letters: every other statement of a transaction pays for no more.
func mayBeSavepoint(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
		case 's', 'S':
			return i+2 < len(s) && s[i+2]|0x20 == 'v'
		case 'r', 'R':
			return i+2 < len(s) && s[i+2]|0x20 == 'l'
		default:
			return false
		}
	}
	return false
}

func matches(words []string, pattern ...string) bool {
	if len(words) != len(pattern) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && p != words[i] {
			return false
		}
	}
	return true
}

func lastWord(statement string) string {
	words := strings.Fields(strings.TrimRight(statement, "; \t\r\n"))
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

func unquote(name string) string { return strings.Trim(name, "`\"[]'") }
