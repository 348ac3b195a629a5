package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"gorm.io/driver/sqlite" //nolint:depguard // the shop is a program: no package imports it
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// config is the configuration of a shop.
type config struct {
	dir     string         // for the database, the images and the mails; created if necessary
	log     *slog.Logger   // for requests and errors
	plugin  signals.Plugin // if it has no ErrorHandler, errors go to the log
	samples bool           // a new shop starts with sample products
	hosts   hosts          // for which it answers on a loopback address, besides the machine's own names
}

// shop is an open shop.
type shop struct {
	db         *gorm.DB
	images     *product.ImageStore
	files      *os.Root // the image directory, for reading
	mails      *product.DirMailer
	log        *slog.Logger
	pages      map[string]*template.Template
	hosts      hosts
	disconnect func()
}

// dbFile is the name of the database in the directory of a shop.
const dbFile = "shop.db"

// openShop opens the shop in a directory, connects its receivers, and repairs it after a crash.
func openShop(ctx context.Context, c config) (s *shop, err error) {
	s = &shop{log: c.log, hosts: c.hosts}
	if err = s.open(ctx, c); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *shop) open(ctx context.Context, c config) (err error) {
	if s.pages, err = parsePages(); err != nil {
		return err
	}
	if err = os.MkdirAll(c.dir, 0o755); err != nil {
		return fmt.Errorf("cannot use %q for the shop: %w", c.dir, err)
	}
	if s.db, err = openDB(c.dir); err != nil {
		return err
	}
	imageDir := filepath.Join(c.dir, "images")
	if s.images, err = product.OpenImageStore(imageDir); err != nil {
		return err
	}
	if s.files, err = os.OpenRoot(imageDir); err != nil {
		return err
	}
	if s.mails, err = product.OpenDirMailer(filepath.Join(c.dir, "mails")); err != nil {
		return err
	}
	isNew := !s.db.Migrator().HasTable(&product.Product{})
	if err = s.db.AutoMigrate(append(product.Models(), &Shelf{})...); err != nil {
		return fmt.Errorf("cannot make the shop's tables: %w", err)
	}
	if err = s.connect(c.plugin); err != nil {
		return err
	}
	if _, err = product.Sweep(ctx, s.db, s.images, 0); err != nil {
		return err
	}
	if isNew && c.samples {
		return s.addSamples(ctx)
	}
	return nil
}

// connect installs the plugin and connects the receivers that do the shop's work.
func (s *shop) connect(plugin signals.Plugin) (err error) {
	if plugin.ErrorHandler == nil {
		plugin.ErrorHandler = func(ctx context.Context, err error) {
			s.log.ErrorContext(ctx, "a receiver failed after the end of its transaction", slog.Any("error", err))
		}
	}
	if err = s.db.Use(plugin); err != nil {
		return err
	}
	products := signals.For[product.Product](s.db)
	products.PostDelete.ConnectBatch(clearShelves, signals.UID("clear-shelves"))
	s.disconnect, err = product.Connect(s.db, product.Shop{
		Images: s.images, Mailer: s.mails, From: "The shop <shop@example.com>", To: []string{"customers@example.com"},
	})
	return err
}

// openDB opens the database file. Readers do not wait for writers, and writers wait for each other.
func openDB(dir string) (*gorm.DB, error) {
	file := url.URL{Path: filepath.ToSlash(filepath.Join(dir, dbFile))}
	dsn := "file:" + file.EscapedPath() + "?_foreign_keys=on&_busy_timeout=10000&_txlock=immediate&_journal_mode=WAL"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, fmt.Errorf("cannot open the database in %q: %w", dir, err)
	}
	return db, nil
}

// close releases the database and the directories.
func (s *shop) close() error {
	if s.disconnect != nil {
		s.disconnect()
	}
	var errs []error
	if s.mails != nil {
		errs = append(errs, s.mails.Close())
	}
	if s.files != nil {
		errs = append(errs, s.files.Close())
	}
	if s.images != nil {
		errs = append(errs, s.images.Close())
	}
	if s.db != nil {
		pool, err := s.db.DB()
		if err == nil {
			err = pool.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// handler returns the handler of the shop. Further handlers are mounted at their patterns, such as "/signals/"; their requests end when stopping
// does.
func (s *shop) handler(stopping context.Context, further map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /{$}":                    s.showList,
		"GET /products/new":           s.showNew,
		"POST /products":              s.create,
		"GET /products/{id}":          s.showProduct,
		"GET /products/{id}/edit":     s.showEdit,
		"POST /products/{id}/price":   s.changePrice,
		"POST /products/{id}/picture": s.changePicture,
		"POST /products/{id}/delete":  s.remove,
		"GET /category/delete":        s.showRemoveAll,
		"POST /category/delete":       s.removeAll,
		"GET /mails":                  s.showMails,
		"GET /viewed":                 s.showViewed,
		"POST /user":                  s.setUser,
		"GET /images/{file}":          s.serveImage,
		"GET /style.css":              serveStyle,
		"GET /icon.png":               serveIcon,
		"/":                           s.notFound,
	} {
		mux.Handle(pattern, guarded(h))
	}
	for pattern, h := range further {
		mux.Handle(pattern, mounted(stopping, h))
	}
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(guarded(s.denied))
	return s.logged(s.hosts.only(sameOrigin.Handler(mux)))
}

// guarded tells the browser to load nothing from elsewhere, to run no scripts, and to trust the content types.
func guarded(h http.HandlerFunc) http.Handler {
	const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		h(w, r)
	})
}

// missing reports whether an error says that the requested row or file does not exist.
func missing(err error) bool {
	return errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, fs.ErrNotExist)
}
