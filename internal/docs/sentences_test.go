package docs_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxWords is how many words a sentence may have: more cannot be held in mind by those who read it for the first time.
const maxWords = 30

func TestNoSentenceOfTheDocumentsHasMoreThanThirtyWords(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(top, "docs/*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for i, page := range pages {
		pages[i] = "docs/" + filepath.Base(page)
	}
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md", "SECURITY.md") {
		for _, s := range sentences(read(t, page)) {
			assert.LessOrEqual(t, words(s), maxWords, "in %s: %s", page, s)
		}
	}
}

func TestSentencesOfAPageAreFound(t *testing.T) {
	t.Parallel()
	page := "# Title\n\nOne sentence. `Two` of\ntwo lines: [here](a.md#b). It is e.g. one! *so* is 1.5.\n\n- **Bold.** Then more\n- next\n\n" +
		"| a | b |\n|---|---|\n| `x | y` | c. D |\n\n```go\nno sentence.\n```\n<!-- nor this -->\nThe end"
	assert.Equal(t, []string{
		"Title", "One sentence.", "code of two lines: [here].", "It is e.g. one!", "*so* is 1.5.", "**Bold.**", "Then more", "next",
		"a", "b", "code", "c.", "D", "The end",
	}, sentences(page))
	assert.Equal(t, 5, words("It is e.g. - one: 1!"))
}

var (
	notProse = regexp.MustCompile("(?s)```.*?```|<!--.*?-->")
	code     = regexp.MustCompile("`[^`\n]*`")
	target   = regexp.MustCompile(`\]\([^)]*\)`)
	item     = regexp.MustCompile(`^\s*([-*]|\d+\.|#+) `)
	end      = regexp.MustCompile(`[a-zA-Z0-9)\]"*][.!?]["*)]*\s+`)
)

// sentences returns the sentences of a Markdown page without its blocks of code. A heading, an item of a list and a cell of a table begin a new one.
func sentences(page string) []string {
	var paragraphs []string
	open := false // whether the next line goes on with the last paragraph
	for line := range strings.Lines(target.ReplaceAllString(code.ReplaceAllString(notProse.ReplaceAllString(page, "\n\n"), "code"), "]")) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "|"):
			for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
				paragraphs = append(paragraphs, strings.TrimSpace(cell))
			}
			open = false
		case strings.TrimSpace(line) == "":
			open = false
		case open && !item.MatchString(line):
			paragraphs[len(paragraphs)-1] += " " + strings.TrimSpace(line)
		default:
			paragraphs = append(paragraphs, item.ReplaceAllString(line, ""))
			open = true
		}
	}
	var all []string
	for _, p := range paragraphs {
		all = append(all, split(p)...)
	}
	return all
}

// split splits a paragraph at each full stop, or mark like it, that a capital letter, code, a link or an emphasis follows.
func split(paragraph string) []string {
	var all []string
	begin := 0
	for _, at := range end.FindAllStringIndex(paragraph, -1) {
		next := paragraph[at[1]:]
		if next == "" || !unicode.IsUpper(rune(next[0])) && !strings.ContainsAny(next[:1], "*[(\"") && !strings.HasPrefix(next, "code") {
			continue
		}
		all = append(all, strings.TrimSpace(paragraph[begin:at[1]]))
		begin = at[1]
	}
	if last := paragraph[begin:]; words(last) > 0 {
		all = append(all, last)
	}
	return all
}

// words counts the words of a sentence.
func words(sentence string) int {
	n := 0
	for word := range strings.FieldsSeq(sentence) {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			n++
		}
	}
	return n
}
