package accounts_test

import (
	"errors"
	"fmt"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/from/django/accounts"
)

// cache prints what it forgets.
type cache struct{}

func (cache) Delete(id uint) { fmt.Println("the cache forgets user", id) }

func Example() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	if err == nil {
		err = errors.Join(db.Use(signals.Plugin{}), db.AutoMigrate(&accounts.User{}, &accounts.Profile{}))
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	accounts.Connect(db, cache{}, func(name string) error {
		fmt.Println("welcome,", name)
		return nil
	})

	db.Create(&accounts.User{Name: "ann"})
	db.Model(&accounts.User{}).Where("name = ?", "ann").Update("active", true) // a query set's update, and receivers run
	var profiles int64
	db.Model(&accounts.Profile{}).Where("user_id = ?", 1).Count(&profiles)
	fmt.Println("profiles:", profiles)
	db.Delete(&accounts.User{}, 1)

	// Output:
	// the cache forgets user 1
	// the cache forgets user 1
	// welcome, ann
	// profiles: 1
	// the cache forgets user 1
}
