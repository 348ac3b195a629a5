package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorm.io/driver/sqlite" //nolint:depguard // the demo is a program: no package imports it
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// demo is the open shop and the story so far.
type demo struct {
	out        io.Writer
	db         *gorm.DB
	images     *product.ImageStore
	mails      *product.DirMailer
	disconnect func()

	earlier int      // mails of earlier runs in the same directory
	sent    int      // mails of this run
	failed  []error  // errors of receivers after a commit
	steps   int      // number of printed steps
	files   []string // image files after the last step
	quiet   bool     // does not print what is sent
}

// dbFile is a name that no other database has by chance: clear deletes its contents.
const dbFile = "signals-demo.db"

// Places in the demo's directory.
func imageDir(dir string) string { return filepath.Join(dir, "images") }
func mailDir(dir string) string  { return filepath.Join(dir, "mails") }

// openDemo opens the shop in dir, creates it if necessary, and connects its receivers.
func openDemo(out io.Writer, dir string) (d *demo, err error) {
	d = &demo{out: out}
	if err = d.open(dir); err == nil {
		err = d.connect()
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *demo) open(dir string) (err error) {
	if err = os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot use %q for the demo: %w", dir, err)
	}
	if d.db, err = openDB(dir); err != nil {
		return err
	}
	if d.images, err = product.OpenImageStore(imageDir(dir)); err != nil {
		return err
	}
	if d.mails, err = product.OpenDirMailer(mailDir(dir)); err != nil {
		return err
	}
	earlier, err := d.mails.List()
	d.earlier = len(earlier)
	return err
}

// connect makes the tables and connects the receivers: one that prints what is sent, and the shop's own.
func (d *demo) connect() (err error) {
	if err = d.db.AutoMigrate(product.Models()...); err != nil {
		return fmt.Errorf("cannot make the shop's tables: %w", err)
	}
	if err = d.db.Use(signals.Plugin{ErrorHandler: d.handle}); err != nil {
		return err
	}
	d.listen()
	d.disconnect, err = product.Connect(d.db, product.Shop{
		Images: d.images, Mailer: told{d}, From: "The shop <shop@example.com>", To: []string{"customers@example.com"},
	})
	return err
}

// handle keeps errors that can no longer fail a write. run returns them.
func (d *demo) handle(_ context.Context, err error) { d.failed = append(d.failed, err) }

// openDB opens the demo's database file.
func openDB(dir string) (*gorm.DB, error) {
	file := url.URL{Path: filepath.ToSlash(filepath.Join(dir, dbFile))}
	dsn := "file:" + file.EscapedPath() + "?_foreign_keys=on&_busy_timeout=5000&_txlock=immediate"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, fmt.Errorf("cannot open the database in %q: %w", dir, err)
	}
	return db, nil
}

// close releases the database and the directories.
func (d *demo) close() error {
	var errs []error
	if d.disconnect != nil {
		d.disconnect()
	}
	if d.mails != nil {
		errs = append(errs, d.mails.Close())
	}
	if d.images != nil {
		errs = append(errs, d.images.Close())
	}
	if d.db != nil {
		errs = append(errs, closeDB(d.db))
	}
	return errors.Join(errs...)
}

func closeDB(db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// clear deletes the data of an earlier run through the shop, so that the image files are deleted with their rows.
func (d *demo) clear() error {
	d.quiet = true
	defer func() { d.quiet = false }()
	left := d.db.Unscoped().Where("1 = 1").Delete(&product.Product{})
	if left.Error != nil {
		return fmt.Errorf("cannot delete the products of an earlier run: %w", left.Error)
	}
	if left.RowsAffected > 0 {
		fmt.Fprintf(d.out, "An earlier run left %d products. They are deleted, and their images with them.\n", left.RowsAffected)
	}
	if err := d.db.Where("1 = 1").Delete(&product.ProductView{}).Error; err != nil {
		return fmt.Errorf("cannot delete the views of an earlier run: %w", err)
	}
	return nil
}

// listen connects a receiver to every signal of every model, before the shop's own, that prints what is sent.
func (d *demo) listen() {
	models, first := signals.Implementing[any](d.db), signals.Priority(100)
	saved := func(name string) signals.Receiver[signals.SaveEvent[any]] {
		return func(_ context.Context, e signals.SaveEvent[any]) error {
			how := "changed"
			if e.Created {
				how = "created"
			}
			d.say("signal  %-14s  %s, %s", name, nameOf(e.Instance), how)
			return nil
		}
	}
	deleted := func(name string) signals.Receiver[signals.DeleteEvent[any]] {
		return func(_ context.Context, e signals.DeleteEvent[any]) error {
			how := "for good"
			if e.Soft {
				how = "softly: the row stays"
			}
			d.say("signal  %-14s  %s, %s", name, nameOf(e.Instance), how)
			return nil
		}
	}
	models.PreSave.Connect(saved("pre_save"), first)
	models.PostSave.Connect(saved("post_save"), first)
	models.PreDelete.Connect(deleted("pre_delete"), first)
	models.PostDelete.Connect(deleted("post_delete"), first)
}

// nameOf returns a name for the row of an instance.
func nameOf(instance any) string {
	switch m := instance.(type) {
	case *product.Product:
		return "Product " + m.Name
	case *product.Image:
		return "Image " + m.File
	case *product.ProductView:
		return "ProductView by " + m.User
	default:
		return fmt.Sprintf("%T", instance)
	}
}

// told is the demo's mailer: it writes the mail to a file and prints that.
type told struct{ d *demo }

// Send writes the mail to the mail directory.
func (t told) Send(ctx context.Context, m product.Mail) error {
	if err := t.d.mails.Send(ctx, m); err != nil {
		return err
	}
	t.d.sent++
	t.d.say("mail    %q to %s", m.Subject, strings.Join(m.To, ", "))
	return nil
}

// step begins a step of the story.
func (d *demo) step(what, call string) {
	d.steps++
	fmt.Fprintf(d.out, "\n%d. %s\n   %s\n", d.steps, what, call)
}

// say prints what happens in a step.
func (d *demo) say(format string, args ...any) {
	if !d.quiet {
		fmt.Fprintf(d.out, "     "+format+"\n", args...)
	}
}

// sayFiles prints which image files were added and removed since its last call.
func (d *demo) sayFiles() error {
	now, err := d.images.List()
	if err != nil {
		return err
	}
	for _, file := range d.files {
		if !slices.Contains(now, file) {
			d.say("file    %s is gone", file)
		}
	}
	for _, file := range now {
		if !slices.Contains(d.files, file) {
			d.say("file    %s is there", file)
		}
	}
	d.files = now
	return nil
}
