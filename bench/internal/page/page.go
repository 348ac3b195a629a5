// Package page writes figures into a page of the documentation.
package page

import (
	"fmt"
	"os"
	"strings"
)

// Rewrite puts text between the markers of a make target in a file: <!-- make bench: begin --> and <!-- make bench: end -->.
func Rewrite(file, target, text string) error {
	begin, end := Markers(target)
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(old), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s lacks the markers %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(head+begin+"\n"+text+"\n"+end+tail), 0o644)
}

// Markers returns the lines around the text of a make target.
func Markers(target string) (begin, end string) {
	return "<!-- make " + target + ": begin -->\n", "<!-- make " + target + ": end -->\n"
}
