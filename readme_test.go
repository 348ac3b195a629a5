package signals_test

import (
	"context"
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// The documents quote programs, outputs, tests, files and make targets. These tests compare what is quoted with what is
// there; the last ones show what the README says about queries and transactions.

var pages = []string{
	"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "docs/compared.md", "docs/design.md", "docs/django.md", "docs/from-django.md",
	"docs/from-laravel.md", "docs/from-rails.md", "docs/outbox.md", "docs/performance.md", "docs/recipes.md", "docs/releasing.md",
	"docs/sent.md",
}

func TestTheREADMEShowsAWholeProgramThatIsATestedExample(t *testing.T) {
	t.Parallel()
	example, output, found := strings.Cut(read(t, "example_test.go"), "\n\n\t// Output:\n")
	require.True(t, found, "the example has an output")
	program := strings.NewReplacer("package signals_test", "package main", "func Example()", "func main()").Replace(example)
	readme := read(t, "README.md")
	blocks := fenced(readme, "go")
	require.NotEmpty(t, blocks)
	assert.Equal(t, program+"\n}\n", blocks[0])
	before, _, _ := strings.Cut(readme, "package main")
	assert.Less(t, strings.Count(before, "\n"), 10, "it is what a reader sees first")
	for _, block := range blocks[1:] {
		assert.Contains(t, bare(examples(t)), bare(block), "other code is part of an example")
	}
	output = strings.NewReplacer("\t// ", "", "}\n", "").Replace(output)
	assert.Equal(t, output, fenced(readme, "")[0], "and what it prints is the example's output")
}

func TestTheCodeAndOutputOfThePackageDocumentationIsThatOfExamples(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	require.NoError(t, err)
	all := bare(examples(t))
	var parse comment.Parser
	blocks := 0
	for _, block := range parse.Parse(file.Doc.Text()).Content {
		if code, ok := block.(*comment.Code); ok {
			blocks++
			assert.Contains(t, all, bare(code.Text))
		}
	}
	assert.Greater(t, blocks, 5)
}

func TestEveryTestThatDocsSentNamesExists(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/sent.md")
	link := regexp.MustCompile(`\[(Test\w+)\]\(\.\./(\w+_test\.go)\)`)
	links := link.FindAllStringSubmatch(page, -1)
	require.Greater(t, len(links), 30)
	for _, l := range links {
		assert.Contains(t, read(t, l[2]), "func "+l[1]+"(t *testing.T)", "%s is not in %s", l[1], l[2])
	}
	assert.Equal(t, len(links), strings.Count(page, "[Test"), "every test is named with its file")
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| call |") {
			assert.Regexp(t, link, line)
		}
	}
}

func TestEveryFileAndMakeTargetThatTheDocumentsNameExists(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("(?s)```.*?```|`.*?`")
	file := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	target := regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9-]+)")
	makefile := read(t, "Makefile")
	for _, page := range pages {
		text := read(t, page)
		for _, m := range file.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
			assert.NoError(t, err, "linked from %s", page)
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			assert.Contains(t, makefile, "\n"+m[1]+":", "named in %s", page)
		}
	}
}

// examples returns the text of all files with examples.
func examples(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("example*_test.go")
	require.NoError(t, err)
	var all strings.Builder
	for _, name := range names {
		all.WriteString(read(t, name))
	}
	return all.String()
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// fenced returns the code blocks of a Markdown page that are marked with a language, or with none.
func fenced(page, language string) []string {
	var blocks []string
	for i, part := range strings.Split(page, "```") {
		if first, text, ok := strings.Cut(part, "\n"); ok && i%2 == 1 && first == language {
			blocks = append(blocks, text)
		}
	}
	return blocks
}

// bare returns lines without indentation, comment marks and blank lines.
func bare(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "// "); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// statements records the SQL that a database shows to its logger.
type statements struct {
	logger.Interface
	texts []string
}

func recordSQL(db *gorm.DB) *statements {
	s := &statements{Interface: logger.Discard}
	db.Logger = s
	return s
}

// Trace records. Not from several goroutines.
func (s *statements) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	sql, _ := fc()
	s.texts = append(s.texts, sql)
}

// kinds counts the statements so far by their first words, and forgets them.
func (s *statements) kinds() map[string]int {
	kinds := map[string]int{}
	for _, text := range s.texts {
		kind, _, _ := strings.Cut(text, " ")
		kinds[kind]++
	}
	s.texts = nil
	return kinds
}

func TestTheLeastIsReadThatTheReceiversNeed(t *testing.T) {
	t.Parallel()
	name := map[string]any{"name": "x"}
	two, one, insert := map[string]int{"SELECT": 1, "UPDATE": 1}, map[string]int{"UPDATE": 1}, map[string]int{"INSERT": 1}
	for call, c := range map[string]struct {
		do                 func(db *gorm.DB) *gorm.DB
		original, keysOnly map[string]int
	}{
		"save":         {func(db *gorm.DB) *gorm.DB { return db.Save(&Product{ID: 1}) }, two, one},
		"update":       {func(db *gorm.DB) *gorm.DB { return db.Model(&Product{ID: 1}).Updates(name) }, two, two},
		"by condition": {func(db *gorm.DB) *gorm.DB { return db.Model(&Product{}).Where("price > 1").Updates(name) }, two, two},
		"computed": {func(db *gorm.DB) *gorm.DB {
			return db.Model(&Product{}).Where("price > 1").Update("price", gorm.Expr("price + 1"))
		}, map[string]int{"SELECT": 2, "UPDATE": 1}, two},
		"create": {func(db *gorm.DB) *gorm.DB { return db.Create(&Product{}) }, insert, insert},
		"upsert": {func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Product{ID: 1})
		}, map[string]int{"SELECT": 1, "INSERT": 1}, map[string]int{"SELECT": 1, "INSERT": 1}},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			for need, want := range map[signals.Need]map[string]int{signals.Original: c.original, signals.Keys: c.keysOnly} {
				db := openSeeded(t)
				signals.For[Product](db).PostSave.Connect(
					func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.Needs(need))
				sql := recordSQL(db)
				require.NoError(t, c.do(db).Error)
				first := sql.texts[0]
				assert.Equal(t, want, sql.kinds(), need)
				if need == signals.Keys && want["UPDATE"] > 0 && want["SELECT"] > 0 {
					assert.NotContains(t, first, "`name`", "the key alone is read")
				}
			}
		})
	}
}

// openSeeded returns a database with three products that nobody listens to.
func openSeeded(t *testing.T) *gorm.DB {
	t.Helper()
	db := open(t, &Product{})
	require.NoError(t, db.Create(&[]Product{{Name: "a", Price: 1}, {Name: "b", Price: 2}, {Name: "c", Price: 3}}).Error)
	return db
}

func TestConditionalWritesGoInBatchesOf500ByKey(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.CreateInBatches(make([]Product, 1001), 500).Error)
	products := signals.For[Product](db)
	changed := uint(0)
	products.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.ID == changed {
			e.Instance.Slug = "alone"
		}
		return nil
	})
	products.PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil })
	sql := recordSQL(db)
	require.NoError(t, db.Model(&Product{}).Where("price = 0").Update("stock", 1).Error)
	assert.Contains(t, strings.Join(sql.texts, "\n"), "WHERE price = 0 AND `id` IN (1,2,3,4,")
	assert.Equal(t, map[string]int{"SELECT": 3, "UPDATE": 3}, sql.kinds())
	changed = 7
	require.NoError(t, db.Model(&Product{}).Where("price = 0").Update("stock", 2).Error)
	assert.Equal(t, map[string]int{"SELECT": 3, "UPDATE": 4}, sql.kinds(), "the changed row has a statement of its own")
	result := db.Where("price = 0").Delete(&Product{})
	require.NoError(t, result.Error)
	assert.EqualValues(t, 1001, result.RowsAffected)
	assert.Equal(t, map[string]int{"SELECT": 3, "DELETE": 3}, sql.kinds())
}

// renamed is a dialect under another name, so that its locks can be seen on SQLite.
type renamed struct {
	gorm.Dialector
	name string
}

func (r renamed) Name() string { return r.name }

func TestRowsOfConditionalWritesAreLockedWhereTheDatabaseHasLocks(t *testing.T) {
	t.Parallel()
	for dialect, want := range map[string]bool{"postgres": true, "mysql": true, "sqlite": false} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			db, _ := seeded(t, signals.Plugin{})
			db.Dialector = renamed{db.Dialector, dialect}
			db.ClauseBuilders["FOR"] = func(c clause.Clause, b clause.Builder) { // as a comment, which SQLite leaves alone
				_, _ = b.WriteString("/* ")
				c.Build(b)
				_, _ = b.WriteString(" */")
			}
			require.NoError(t, db.Model(&Product{}).Where("price > 1").Update("stock", 1).Error) // on PostgreSQL the first asks for the table
			sql := recordSQL(db)
			require.NoError(t, db.Model(&Product{}).Where("price > 1").Update("stock", 1).Error)
			assert.Equal(t, want, strings.Contains(sql.texts[0], "FOR UPDATE"), sql.texts[0])
			assert.Equal(t, map[string]int{"SELECT": 1, "UPDATE": 1}, sql.kinds())
			require.NoError(t, db.Where("price > 1").Delete(&Product{}).Error)
			assert.Equal(t, want, strings.Contains(sql.texts[0], "FOR UPDATE"), sql.texts[0])
		})
	}
}

func TestAPostErrorWithoutATransactionCannotUndoAPlainCreate(t *testing.T) {
	t.Parallel()
	for need, undone := range map[signals.Need]bool{signals.Original: true, signals.Keys: false} {
		t.Run(fmt.Sprint("needs ", need), func(t *testing.T) {
			t.Parallel()
			db := openWith(t, &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}, &Product{})
			require.NoError(t, db.Create(&Product{Name: "old"}).Error)
			signals.For[Product](db).PostSave.Connect(
				func(context.Context, signals.SaveEvent[*Product]) error { return errBoom }, signals.Needs(need))
			require.ErrorIs(t, db.Create(&Product{}).Error, errBoom)
			assert.EqualValues(t, 2, count[Product](t, db), "there is nothing to roll back")
			require.ErrorIs(t, db.Save(&Product{ID: 1, Name: "saved"}).Error, errBoom)
			assert.Equal(t, undone, find[Product](t, db, 1).Name == "old", "where a Save reads first, it has a transaction")
			require.ErrorIs(t, db.Model(&Product{ID: 1}).Update("name", "updated").Error, errBoom)
			assert.NotEqual(t, "updated", find[Product](t, db, 1).Name)
		})
	}
}

func TestAnErrorInTheCallersTransactionIsTheCallersToRollBack(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom })
	create := func(keep bool) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Create(&Product{}).Error; !keep {
				return err
			}
			return nil
		})
	}
	require.ErrorIs(t, create(false), errBoom)
	assert.Zero(t, count[Product](t, db))
	require.NoError(t, create(true))
	assert.EqualValues(t, 1, count[Product](t, db))
}

func TestAutomaticTimesAreNoChange(t *testing.T) {
	t.Parallel()
	db := openSeeded(t)
	calls := 0
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		calls++
		assert.False(t, e.Changed())
		assert.Empty(t, e.Changes())
		assert.True(t, e.Changed("UpdatedAt"))
		return nil
	})
	p := find[Product](t, db, 1)
	require.NoError(t, db.Save(&p).Error)
	require.NoError(t, db.Model(&Product{ID: 1}).Updates(map[string]any{}).Error)
	assert.Equal(t, 2, calls)
}
