package docs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The pages about tests, goroutines and transactions show whole files, and name tests that hold their claims.

func TestThePageAboutTestsShowsFilesThatTheTestsRun(t *testing.T) {
	t.Parallel()
	var want []string
	for _, name := range []string{"shoptest/shoptest.go", "orders/orders_test.go", "mail/commit_test.go", "search/search.go", "search/search_test.go"} {
		want = append(want, copied(t, "internal/docs/start/"+name))
	}
	for _, name := range []string{"index.go", "index_test.go"} {
		want = append(want, copied(t, "outbox/internal/pages/index/"+name))
	}
	blocks := fenced(read(t, "docs/testing.md"), "go")
	require.Len(t, blocks, len(want))
	for i := range want {
		assert.Equal(t, want[i], blocks[i])
	}
}

func TestThePagesAboutGoroutinesAndTransactionsShowProgramsThatTheTestsRun(t *testing.T) {
	t.Parallel()
	for page, name := range map[string]string{
		"docs/goroutines.md": "internal/docs/goroutines/main_test.go", "docs/transactions.md": "internal/docs/transactions/main_test.go",
	} {
		before, rest, found := strings.Cut(read(t, name), "\n\n\t// Output:\n")
		require.True(t, found, "%s has an output", name)
		output, after, _ := strings.Cut(rest, "}\n")
		program := regexp.MustCompile(`(?m)^package .*$`).ReplaceAllString(before+"\n}\n"+after, "package main")
		text := read(t, page)
		assert.Contains(t, fenced(text, "go"), strings.Replace(program, "func Example()", "func main()", 1), page)
		assert.Contains(t, fenced(text, ""), strings.ReplaceAll(output, "\t// ", ""), page)
	}
}

func TestEveryTestThatAPageNamesExists(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\[((?:Test|Example)\w+)\]\(\.\./([\w/]+_test\.go)\)`)
	for page, least := range map[string]int{"docs/testing.md": 4, "docs/goroutines.md": 20, "docs/transactions.md": 20} {
		text := read(t, page)
		links := link.FindAllStringSubmatch(text, -1)
		assert.GreaterOrEqual(t, len(links), least, page)
		for _, l := range links {
			assert.True(t, strings.Contains(read(t, l[2]), "func "+l[1]+"("), "%s is not in %s, which %s names", l[1], l[2], page)
		}
		assert.Equal(t, len(links), strings.Count(text, "[Test")+strings.Count(text, "[Example"), "%s names every test with its file", page)
	}
}

func TestEveryCaseThatThePageAboutTransactionsNamesExists(t *testing.T) {
	t.Parallel()
	assert.Greater(t, len(namedCases(t, read(t, "docs/transactions.md"))), 30)
}
