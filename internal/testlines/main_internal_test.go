package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func shown(t *testing.T, events ...string) (text string, ok bool) {
	t.Helper()
	var out strings.Builder
	ok, err := show(strings.NewReader(strings.Join(events, "\n")), &out)
	require.NoError(t, err)
	return out.String(), ok
}

func TestAPackageThatPassesIsOneLine(t *testing.T) {
	t.Parallel()
	text, ok := shown(t,
		`{"Action":"start","Package":"a"}`,
		`{"Action":"output","Package":"a","Test":"TestX","Output":"=== RUN   TestX\n"}`,
		`{"Action":"output","Package":"a","Test":"TestX","Output":"    x_test.go:1: fine\n"}`,
		`{"Action":"pass","Package":"a","Test":"TestX"}`,
		`{"Action":"output","Package":"a","Output":"PASS\n"}`,
		`{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}`,
		`{"Action":"pass","Package":"a"}`,
		`{"Action":"output","Package":"b","Output":"?   \tb\t[no test files]\n"}`,
		`{"Action":"skip","Package":"b"}`)
	assert.True(t, ok)
	assert.Equal(t, "ok  \ta\t0.1s\n?   \tb\t[no test files]\n", text)
}

func TestWhatAFailingTestSaidIsShown(t *testing.T) {
	t.Parallel()
	text, ok := shown(t,
		`{"Action":"output","Package":"a","Test":"TestGood","Output":"quiet\n"}`,
		`{"Action":"pass","Package":"a","Test":"TestGood"}`,
		`{"Action":"output","Package":"a","Test":"TestBad","Output":"it is wrong\n"}`,
		`{"Action":"fail","Package":"a","Test":"TestBad"}`,
		`{"Action":"output","Package":"a","Output":"FAIL\ta\t0.1s\n"}`,
		`{"Action":"fail","Package":"a"}`,
		`{"Action":"output","Package":"b","Output":"ok  \tb\t0.1s\n"}`,
		`{"Action":"pass","Package":"b"}`)
	assert.False(t, ok)
	assert.Equal(t, "it is wrong\nFAIL\ta\t0.1s\nok  \tb\t0.1s\n", text)
}

func TestATestThatDiesIsShown(t *testing.T) {
	t.Parallel()
	text, ok := shown(t,
		`{"Action":"output","Package":"a","Test":"TestDies","Output":"panic: no\n"}`,
		`{"Action":"fail","Package":"a"}`)
	assert.False(t, ok)
	assert.Equal(t, "panic: no\n", text)
}

func TestABuildThatFailsIsShown(t *testing.T) {
	t.Parallel()
	text, ok := shown(t, `{"Action":"build-output","ImportPath":"a","Output":"a.go:1: syntax error\n"}`, `{"Action":"build-fail","ImportPath":"a"}`)
	assert.False(t, ok)
	assert.Equal(t, "a.go:1: syntax error\n", text)
	text, ok = shown(t, "go: no such tool")
	assert.True(t, ok, "the exit of the go command says it")
	assert.Equal(t, "go: no such tool", text)
}
