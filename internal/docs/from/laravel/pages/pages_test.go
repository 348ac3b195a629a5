package pages_test

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/from/laravel/pages"
)

func Example() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	if err == nil {
		err = errors.Join(db.Use(signals.Plugin{}), db.AutoMigrate(&pages.Page{}))
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	observer := &pages.PageObserver{Log: func(words ...any) { fmt.Println(words...) }}
	observer.Connect(db)

	db.Create(&[]pages.Page{{Title: "home"}, {Title: "news"}}) // a pair for each element
	db.Model(&pages.Page{}).Where("title = ?", "home").Update("title", "start")
	fmt.Println(db.Create(&pages.Page{}).Error)

	quiet := db.Session(&gorm.Session{SkipHooks: true})
	quiet.Model(&pages.Page{ID: 2}).Update("title", "blog") // saveQuietly
	muted := db.WithContext(signals.Mute(context.Background()))
	muted.Delete(&pages.Page{}, 2) // withoutEvents

	db.Delete(&pages.Page{}, 1)
	db.Unscoped().Model(&pages.Page{}).Where("id = ?", 1).Update("deleted_at", nil)
	db.Unscoped().Delete(&pages.Page{}, 1)

	// Output:
	// created home
	// created news
	// updated home -> start
	// signals: receiver pages.observer of pre_save of Page: a page needs a title
	// soft_deleted start
	// restored start
	// deleted start
}
