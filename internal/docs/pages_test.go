package docs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/testkit"
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
	blocks := testkit.Fenced(read(t, "docs/testing.md"), "go")
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
		program, output := asProgram(t, name)
		text := read(t, page)
		assert.Contains(t, testkit.Fenced(text, "go"), program, page)
		assert.Contains(t, testkit.Fenced(text, ""), output, page)
	}
}

func TestEveryTestThatAPageNamesExists(t *testing.T) {
	t.Parallel()
	for page, least := range map[string]int{"docs/testing.md": 4, "docs/goroutines.md": 20, "docs/transactions.md": 20} {
		assert.GreaterOrEqual(t, len(namedTests(t, read(t, page))), least, page)
	}
}

func TestEveryCaseThatThePageAboutTransactionsNamesExists(t *testing.T) {
	t.Parallel()
	assert.Greater(t, len(namedCases(t, read(t, "docs/transactions.md"))), 30)
}
