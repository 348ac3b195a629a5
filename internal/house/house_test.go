package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The limits of the engine. What grows beyond them does two things: cut it where they part.
const (
	maxLines  = 350 // of a file
	maxBody   = 60  // lines of a function
	maxFields = 14  // of a struct
)

// rooms are the folders of the engine, from here.
var rooms = []string{
	"../..", "../change", "../rows", "../relations", "../pool", "../txn", "../receivers", "../callers", "../fault", "../lanes",
	"../dispatch", "../delivery", "../statement", "../writes",
}

// files parses the files of a room that are no tests.
func files(t *testing.T, room string) (*token.FileSet, []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(room, "*.go"))
	require.NoError(t, err)
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	require.NotEmpty(t, names)
	set := token.NewFileSet()
	parsed := make([]*ast.File, len(names))
	for i, name := range names {
		parsed[i], err = parser.ParseFile(set, name, nil, parser.ParseComments)
		require.NoError(t, err)
	}
	return set, parsed
}

func TestNothingInTheEngineIsTooLongToReadAtOnce(t *testing.T) {
	t.Parallel()
	for _, room := range rooms {
		t.Run(filepath.Base(room), func(t *testing.T) {
			t.Parallel()
			set, parsed := files(t, room)
			for _, file := range parsed {
				assert.LessOrEqual(t, set.File(file.Pos()).LineCount(), maxLines, set.Position(file.Pos()).Filename)
				ast.Inspect(file, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.FuncDecl:
						lines := set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1
						assert.LessOrEqual(t, lines, maxBody, n.Name.Name)
					case *ast.TypeSpec:
						if s, ok := n.Type.(*ast.StructType); ok {
							assert.LessOrEqual(t, s.Fields.NumFields(), maxFields, n.Name.Name)
						}
					}
					return true
				})
			}
		})
	}
}

// TestWritesAreMadeInOnePlace: an event, a durable record or a test that makes a write of its own would have to know all of its fields.
func TestWritesAreMadeInOnePlace(t *testing.T) {
	t.Parallel()
	kinds := []string{"write", "insert", "update", "save", "remove", "conditional"}
	set, parsed := files(t, "../writes")
	for _, file := range parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name, ok := literal.Type.(*ast.Ident); ok && slices.Contains(kinds, name.Name) && len(literal.Elts) > 0 {
				assert.Fail(t, "a write is forged", "%v: use start", set.Position(literal.Pos()))
			}
			return true
		})
	}
}
