package docs_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// docs/options.md says for which signals an option has a meaning. These tests compare what it says with what Connect does.

type (
	sticker struct{ ID uint }
	parcel  struct {
		ID       uint
		Status   string
		Stickers []sticker `gorm:"many2many:parcel_stickers"`
	}
)

// nowhere is a store that keeps nothing.
type nowhere struct{}

func (nowhere) Register(signals.DurableReceiver) error { return nil }

func (nowhere) Keep(context.Context, *gorm.DB, signals.DurableReceiver, []signals.KeptEvent) error {
	return nil
}

// optionsFor returns each option with what it must have beside it, for a signal of that name.
func optionsFor(signal string, lane *signals.Lane) map[string][]signals.ConnectOption {
	field := "Status"
	if signal == "M2MChanged" {
		field = "Stickers"
	}
	return map[string][]signals.ConnectOption{
		"UID": {signals.UID("u")}, "Priority": {signals.Priority(1)}, "First": {signals.First()}, "Last": {signals.Last()}, "Once": {signals.Once()},
		"Fields": {signals.Fields(field)}, "OnCreate": {signals.OnCreate()}, "OnUpdate": {signals.OnUpdate()}, "Becomes": {signals.Becomes("Status", "paid")},
		"Needs": {signals.Needs(signals.Row)}, "BeforeCommit": {signals.BeforeCommit()}, "AfterCommit": {signals.AfterCommit()},
		"AfterRollback": {signals.AfterRollback()}, "AfterFailure": {signals.AfterFailure()}, "Net": {signals.Net()}, "In": {signals.In(lane)}, "Atomic": {signals.Atomic()},
		"Durable": {signals.Durable(nowhere{}, "index")},
	}
}

// connects returns a function for each signal that connects a receiver and says what is wrong, "" for nothing.
func connects(db *gorm.DB) map[string]func(opts ...signals.ConnectOption) string {
	s := signals.For[parcel](db)
	return map[string]func(opts ...signals.ConnectOption) string{
		"PreSave": connecting(s.PreSave), "PostSave": connecting(s.PostSave), "PreDelete": connecting(s.PreDelete), "PostDelete": connecting(s.PostDelete),
		"PostChange": connecting(s.PostChange), "M2MChanged": connecting(s.M2MChanged), "PostLoad": connecting(s.PostLoad),
		"custom": connecting(signals.New[int]("counted")),
	}
}

func connecting[E any](s *signals.Signal[E]) func(opts ...signals.ConnectOption) string {
	return func(opts ...signals.ConnectOption) string {
		problem := ""
		func() {
			defer func() {
				if v := recover(); v != nil {
					problem = fmt.Sprint(v)
				}
			}()
			s.Connect(func(context.Context, E) error { return nil }, opts...)()
		}()
		return problem
	}
}

// tablesOf returns the lines of the tables of a page, each a list of cells.
func tablesOf(page string) (tables [][][]string) {
	previous := ""
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch cells := strings.Split(strings.Trim(line, "|"), "|"); {
		case !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---"):
		case !strings.HasPrefix(previous, "|"):
			tables = append(tables, nil)
		default:
			last := &tables[len(tables)-1]
			*last = append(*last, cells)
		}
		previous = line
	}
	return tables
}

// names returns what a cell has between backticks and before a parenthesis.
func names(cell string) (names []string) {
	for _, m := range regexp.MustCompile("`(\\w+)[^`]*`").FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}

func openParcels(t *testing.T) (*gorm.DB, *signals.Lane) {
	t.Helper()
	return testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &parcel{}, &sticker{}), signals.NewLane(signals.LaneConfig{Name: "slow"})
}

func TestTheTableOfOptionsHasALineForEachOption(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(top, "*.go"))
	require.NoError(t, err)
	var exported []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || f.Type.Results == nil {
				continue
			}
			if is, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && is.Name == "ConnectOption" {
				exported = append(exported, f.Name.Name)
			}
		}
	}
	_, lane := openParcels(t)
	var listed, tested []string
	for _, line := range tablesOf(read(t, "docs/options.md"))[0] {
		listed = append(listed, names(line[0])[0])
		require.Len(t, line, 4)
	}
	for name := range optionsFor("PostSave", lane) {
		tested = append(tested, name)
	}
	assert.ElementsMatch(t, exported, listed)
	assert.ElementsMatch(t, exported, tested)
	for _, name := range exported {
		assert.True(t, strings.Contains(examples(t)+read(t, "outbox/example_test.go"), "."+name+"("), "README says that each has an example: %s has none", name)
	}
}

func TestAnOptionIsRefusedWhereTheTableSaysSo(t *testing.T) {
	t.Parallel()
	db, lane := openParcels(t)
	for _, line := range tablesOf(read(t, "docs/options.md"))[0] {
		option, listed := names(line[0])[0], names(line[1])
		if strings.Contains(line[1], "custom") {
			listed = append(listed, "custom")
		}
		for signal, connect := range connects(db) {
			opts := optionsFor(signal, lane)[option]
			if option == "Net" || option == "In" {
				opts = append(opts, signals.AfterCommit())
			}
			problem := connect(opts...)
			if strings.TrimSpace(line[1]) == "all" || slices.Contains(listed, signal) {
				assert.Empty(t, problem, "%s of %s", option, signal)
			} else {
				assert.Contains(t, problem, "signals: Connect to ", "%s of %s", option, signal)
			}
		}
	}
}

func TestOptionsGoTogetherUnlessThePageSaysOtherwise(t *testing.T) {
	t.Parallel()
	db, lane := openParcels(t)
	apart := map[[2]string]bool{}
	for _, line := range tablesOf(read(t, "docs/options.md"))[1] {
		for _, other := range names(line[1]) {
			apart[[2]string{names(line[0])[0], other}], apart[[2]string{other, names(line[0])[0]}] = true, true
		}
	}
	connect, all := connects(db)["PostSave"], optionsFor("PostSave", lane)
	for a := range all {
		for b := range all {
			if a == b {
				continue
			}
			opts := slices.Concat(all[a], all[b])
			waits := slices.ContainsFunc([]string{a, b}, func(name string) bool {
				return slices.Contains([]string{"BeforeCommit", "AfterCommit", "AfterRollback", "AfterFailure", "Durable"}, name)
			})
			if !waits && (a == "Net" || b == "Net" || a == "In" || b == "In") {
				opts = append(opts, signals.AfterCommit())
			}
			assert.Equal(t, apart[[2]string{a, b}], connect(opts...) != "", "%s and %s: %s", a, b, connect(opts...))
		}
	}
}
