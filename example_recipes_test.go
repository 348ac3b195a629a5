package signals_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// These are the recipes of docs/recipes.md.

// AuditLine is one changed column of one row.
type AuditLine struct {
	ID            uint
	Who           string
	Row           string
	Column        string
	Before, After string
}

type userKey struct{} // of the user in the context of a request

// Audit keeps a log of all changes of all models.
func Audit(db *gorm.DB) {
	all := signals.Implementing[any](db)
	all.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[any]) error {
		for _, c := range e.Changes() {
			line := AuditLine{Column: c.Column, Before: fmt.Sprint(c.Old), After: fmt.Sprint(c.New)}
			if err := line.write(ctx, e.DB(), e.Instance); err != nil {
				return err
			}
		}
		return nil
	}, signals.UID("audit"), signals.Atomic())
	all.PostDelete.Connect(func(ctx context.Context, e signals.DeleteEvent[any]) error {
		return (&AuditLine{Before: fmt.Sprintf("%+v", e.Instance)}).write(ctx, e.DB(), e.Instance)
	}, signals.UID("audit"))
}

func (l *AuditLine) write(ctx context.Context, tx *gorm.DB, row any) error {
	l.Who, _ = ctx.Value(userKey{}).(string)
	l.Row = fmt.Sprintf("%T %v", row, reflect.ValueOf(row).Elem().FieldByName("ID"))
	return tx.WithContext(signals.Mute(ctx, "audit")).Create(l).Error // without Mute, a line about the line
}

func Example_auditLog() {
	type Chair struct {
		ID    uint
		Name  string
		Price int
	}
	db := exampleDB(&Chair{}, &AuditLine{})
	Audit(db)

	ann := db.WithContext(context.WithValue(context.Background(), userKey{}, "ann"))
	ann.Create(&Chair{Name: "stool", Price: 30})
	ann.Model(&Chair{}).Where("price > ?", 20).Update("price", 25)
	ann.Save(&Chair{ID: 1, Name: "stool", Price: 25}) // nothing new
	ann.Delete(&Chair{}, 1)

	var lines []AuditLine
	db.Find(&lines)
	for _, l := range lines {
		fmt.Println(l.Who, l.Row, l.Column, l.Before, "->", l.After)
	}

	// Output:
	// ann *signals_test.Chair 1 id <nil> -> 1
	// ann *signals_test.Chair 1 name <nil> -> stool
	// ann *signals_test.Chair 1 price <nil> -> 30
	// ann *signals_test.Chair 1 price 30 -> 25
	// ann *signals_test.Chair 1  &{ID:1 Name:stool Price:25} ->
}

// Index stands for a client of a search engine.
type Index struct {
	mu    sync.Mutex
	names map[uint]string
}

// Sync makes the index say of some products what the database says now.
func (x *Index) Sync(db *gorm.DB, ids []uint) error {
	x.mu.Lock() // from the look to the last word about it, or an older answer could come last
	defer x.mu.Unlock()
	var rows []Product
	if err := db.Find(&rows, ids).Error; err != nil {
		return err
	}
	for _, id := range ids {
		delete(x.names, id) // a product that is gone by now stays away
	}
	for _, p := range rows {
		x.names[p.ID] = p.Name
	}
	return nil
}

func Example_searchIndex() {
	db := exampleDB(&Product{})
	index := &Index{names: map[uint]string{}}

	products := signals.For[Product](db)
	products.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
		ids := make([]uint, len(events))
		for i, e := range events {
			ids[i] = e.Instance.ID
		}
		return index.Sync(events[0].DB(), ids)
	}, signals.AfterCommit(), signals.UID("search"))
	products.PostDelete.ConnectBatch(func(_ context.Context, events []signals.DeleteEvent[*Product]) error {
		ids := make([]uint, len(events))
		for i, e := range events {
			ids[i] = e.Instance.ID
		}
		return index.Sync(events[0].DB(), ids)
	}, signals.AfterCommit(), signals.UID("search"))

	err := db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&[]Product{{Name: "lamp"}, {Name: "pen"}})
		tx.Model(&Product{ID: 1}).Update("name", "floor lamp")
		fmt.Println("before the commit:", len(index.names))
		return tx.Delete(&Product{}, 2).Error
	})
	fmt.Println(err, index.names)

	// Output:
	// before the commit: 0
	// <nil> map[1:floor lamp]
}

func Example_cacheInvalidation() {
	db := exampleDB(&Product{})
	var cache sync.Map // of products by key

	load := func(id uint) (p Product) {
		if hit, ok := cache.Load(id); ok {
			p, _ = hit.(Product)
			return p
		}
		db.First(&p, id)
		cache.Store(id, p)
		return p
	}
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		cache.Delete(e.Instance.ID)
		return nil
	}, signals.AfterCommit(), signals.Needs(signals.Keys), signals.UID("cache"))
	products.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		cache.Delete(e.Instance.ID)
		return nil
	}, signals.AfterCommit(), signals.Needs(signals.Keys), signals.UID("cache"))

	db.Create(&Product{Name: "lamp", Price: 30})
	fmt.Println(load(1).Price)
	_ = db.Transaction(func(tx *gorm.DB) error {
		tx.Model(&Product{ID: 1}).Update("price", 1)
		return errors.New("too cheap")
	})
	_, kept := cache.Load(uint(1))
	fmt.Println(load(1).Price, "kept:", kept)
	db.Model(&Product{}).Where("price > ?", 20).Update("price", 25)
	fmt.Println(load(1).Price)

	// Output:
	// 30
	// 30 kept: true
	// 25
}

func Example_slug() {
	db := exampleDB(&Product{})
	db.Exec("CREATE UNIQUE INDEX one_slug ON products (slug)") // gorm:"uniqueIndex" in a model of your own

	notInSlugs := regexp.MustCompile(`[^a-z0-9]+`)
	signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		slug := strings.Trim(notInSlugs.ReplaceAllString(strings.ToLower(e.Instance.Name), "-"), "-")
		e.Instance.Slug = slug
		for n := 2; ; n++ {
			var taken int64
			err := e.DB().Model(&Product{}).Where("slug = ? AND id <> ?", e.Instance.Slug, e.Instance.ID).Count(&taken).Error
			if err != nil || taken == 0 {
				return err
			}
			e.Instance.Slug = fmt.Sprintf("%s-%d", slug, n)
		}
	}, signals.Fields("Name"), signals.UID("slug"))

	db.Create(&Product{Name: "Lamp, red"})
	db.Create(&Product{Name: "Lamp (red)"})
	db.Model(&Product{}).Where("id = ?", 1).Update("name", "Lamp, blue")
	db.Model(&Product{}).Where("id = ?", 1).Update("price", 25) // no new name, no new slug

	var slugs []string
	db.Model(&Product{}).Pluck("slug", &slugs)
	fmt.Println(slugs)

	// Output:
	// [lamp-blue lamp-red-2]
}

// ErrStale says that somebody else has saved the row since it was read.
var ErrStale = errors.New("the row has changed since it was read")

// Document is a model with optimistic locking.
type Document struct {
	ID      uint
	Text    string
	Version int
}

func Example_optimisticLocking() {
	db := exampleDB(&Document{})

	signals.For[Document](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Document]) error {
		stored, err := e.Original()
		if err != nil {
			return err
		}
		if !e.Created && e.Instance.Version != stored.Version {
			return ErrStale
		}
		e.Instance.Version++
		return nil
	}, signals.UID("version"), signals.Priority(-100))

	db.Create(&Document{Text: "first"})
	var anns, bobs Document
	db.First(&anns, 1)
	db.First(&bobs, 1)
	anns.Text, bobs.Text = "from ann", "from bob"
	fmt.Println(db.Save(&anns).Error)
	fmt.Println(errors.Is(db.Save(&bobs).Error, ErrStale))

	var stored Document
	db.First(&stored, 1)
	fmt.Println(stored.Text, stored.Version)

	// Output:
	// <nil>
	// true
	// from ann 2
}

// Picture is a row that names a file.
type Picture struct {
	ID   uint
	File string
}

func Example_fileCleanup() {
	db := exampleDB(&Picture{})
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	files, err := os.OpenRoot(dir) // no name in a row leads out of the directory
	if err != nil {
		panic(err)
	}
	defer files.Close()

	pictures := signals.For[Picture](db)
	pictures.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Picture]) error {
		old, err := e.Original()
		if err != nil || e.Created || old.File == "" {
			return err
		}
		return files.Remove(old.File)
	}, signals.AfterCommit(), signals.Fields("File"), signals.UID("files"))
	pictures.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Picture]) error {
		return files.Remove(e.Instance.File)
	}, signals.AfterCommit(), signals.UID("files"))

	for _, name := range []string{"a.png", "b.png", "c.png"} {
		_ = files.WriteFile(name, nil, 0o600)
	}
	db.Create(&[]Picture{{File: "a.png"}, {File: "b.png"}})
	db.Model(&Picture{ID: 1}).Update("file", "c.png")
	_ = db.Transaction(func(tx *gorm.DB) error {
		tx.Delete(&Picture{}, 1)
		return errors.New("keep it")
	})
	db.Where("file LIKE ?", "b%").Delete(&Picture{})

	left, _ := os.ReadDir(dir)
	fmt.Println(left)

	// Output:
	// [- c.png]
}
