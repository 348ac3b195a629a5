package conformance

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// kindCases are about what post_change says of a row with a soft delete.
func kindCases() []Case {
	return []Case{
		{"kinds", "Kind says in every form of a write what becomes of a row, whatever the receivers need.", kinds},
		{"kinds of a batch", "Kind says of each row of a batch what becomes of it, whatever the receivers need.", kindsOfBatch},
		{"kind by a receiver", "Kind says what becomes of a row that a receiver of pre_save marks or restores.", kindByReceiver},
		{"fields of a follower", "Fields of post_change let every row pass that is restored or marked as deleted, and all its fields are changed.", fieldsOfFollower},
	}
}

// form is one way to write a letter.
type form struct {
	name string
	gone bool   // the letter is soft-deleted before
	want string // the kind
	call func(db *gorm.DB, id uint) error
}

var buried = gorm.DeletedAt{Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Valid: true}

// forms are the forms of writes of one letter.
func forms() []form { return slices.Concat(restoringForms(), hidingForms(), plainForms()) }

// restoringForms restore a letter.
func restoringForms() []form {
	of := func(db *gorm.DB, id uint) *gorm.DB { return db.Unscoped().Model(&Letter{ID: id}) }
	by := func(db *gorm.DB, id uint) *gorm.DB { return db.Unscoped().Model(&Letter{}).Where("id = ?", id) }
	return []form{
		{"Update of a key", true, "restored", func(db *gorm.DB, id uint) error { return of(db, id).Update("deleted_at", nil).Error }},
		{"Update by a condition", true, "restored", func(db *gorm.DB, id uint) error { return by(db, id).Update("deleted_at", nil).Error }},
		{"Update with an expression", true, "restored", func(db *gorm.DB, id uint) error { return by(db, id).Update("deleted_at", gorm.Expr("NULL")).Error }},
		{"Updates with a map", true, "restored", func(db *gorm.DB, id uint) error {
			return of(db, id).Updates(map[string]any{"Text": "new", "DeletedAt": nil}).Error
		}},
		{"Updates with a struct", true, "restored", func(db *gorm.DB, id uint) error {
			return by(db, id).Select("Text", "DeletedAt").Updates(Letter{Text: "new"}).Error
		}},
		{"Save", true, "restored", func(db *gorm.DB, id uint) error { return db.Unscoped().Save(&Letter{ID: id, Text: "new"}).Error }},
		{"Save that overwrites", true, "restored", func(db *gorm.DB, id uint) error { return db.Save(&Letter{ID: id, Text: "new"}).Error }},
		{"Save with Omit", true, "restored", func(db *gorm.DB, id uint) error { return db.Unscoped().Omit("Text").Save(&Letter{ID: id}).Error }},
		{"Save of a slice", true, "restored", func(db *gorm.DB, id uint) error { return db.Save(&[]Letter{{ID: id, Text: "new"}}).Error }},
		{"upsert", true, "restored", func(db *gorm.DB, id uint) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Letter{ID: id, Text: "new"}).Error
		}},
		{"upsert of the mark", true, "restored", func(db *gorm.DB, id uint) error {
			mark := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"deleted_at"})}
			return db.Clauses(mark).Create(&Letter{ID: id, Text: "new"}).Error
		}},
	}
}

// hidingForms mark a letter as deleted.
func hidingForms() []form {
	of := func(db *gorm.DB, id uint) *gorm.DB { return db.Model(&Letter{ID: id}) }
	by := func(db *gorm.DB, id uint) *gorm.DB { return db.Model(&Letter{}).Where("id = ?", id) }
	return []form{
		{"Delete", false, "soft_deleted", func(db *gorm.DB, id uint) error { return db.Delete(&Letter{}, id).Error }},
		{"Update of a key", false, "soft_deleted", func(db *gorm.DB, id uint) error { return of(db, id).Update("deleted_at", buried).Error }},
		{"Update by a condition", false, "soft_deleted", func(db *gorm.DB, id uint) error { return by(db, id).Update("deleted_at", buried).Error }},
		{"Update with an expression", false, "soft_deleted", func(db *gorm.DB, id uint) error {
			return of(db, id).Update("deleted_at", gorm.Expr("CURRENT_TIMESTAMP")).Error
		}},
		{"Unscoped Update", false, "soft_deleted", func(db *gorm.DB, id uint) error { return of(db, id).Unscoped().Update("deleted_at", buried.Time).Error }},
		{"Unscoped Update with an expression", false, "soft_deleted", func(db *gorm.DB, id uint) error {
			return by(db, id).Unscoped().Update("deleted_at", gorm.Expr("CURRENT_TIMESTAMP")).Error
		}},
		{"Updates with a map", false, "soft_deleted", func(db *gorm.DB, id uint) error {
			return by(db, id).Updates(map[string]any{"Text": "new", "deleted_at": buried}).Error
		}},
		{"Updates with a struct", false, "soft_deleted", func(db *gorm.DB, id uint) error { return of(db, id).Updates(Letter{DeletedAt: buried}).Error }},
		{"Save", false, "soft_deleted", func(db *gorm.DB, id uint) error { return db.Save(&Letter{ID: id, DeletedAt: buried}).Error }},
		{"Unscoped Save", false, "soft_deleted", func(db *gorm.DB, id uint) error { return db.Unscoped().Save(&Letter{ID: id, DeletedAt: buried}).Error }},
		{"Save with Omit", false, "soft_deleted", func(db *gorm.DB, id uint) error {
			return db.Omit("Text").Save(&Letter{ID: id, DeletedAt: buried}).Error
		}},
		{"Save of a slice", false, "soft_deleted", func(db *gorm.DB, id uint) error { return db.Save(&[]Letter{{ID: id, DeletedAt: buried}}).Error }},
		{"upsert", false, "soft_deleted", func(db *gorm.DB, id uint) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Letter{ID: id, DeletedAt: buried}).Error
		}},
	}
}

// plainForms update a letter and keep its state, or remove it.
func plainForms() []form {
	later := gorm.DeletedAt{Time: buried.Time.Add(time.Hour), Valid: true}
	of := func(db *gorm.DB, id uint) *gorm.DB { return db.Model(&Letter{ID: id}) }
	return []form{
		{"Update of another column", false, "updated", func(db *gorm.DB, id uint) error { return of(db, id).Update("text", "new").Error }},
		{"Update of another column of a hidden row", true, "updated", func(db *gorm.DB, id uint) error { return of(db, id).Unscoped().Update("text", "new").Error }},
		{"Update of a hidden row", true, "updated", func(db *gorm.DB, id uint) error { return of(db, id).Unscoped().Update("deleted_at", later).Error }},
		{"Updates of a live row", false, "updated", func(db *gorm.DB, id uint) error {
			return of(db, id).Unscoped().Updates(map[string]any{"text": "new", "deleted_at": nil}).Error
		}},
		{"Save of a live row", false, "updated", func(db *gorm.DB, id uint) error { return db.Save(&Letter{ID: id, Text: "new"}).Error }},
		{"Save of a hidden row", true, "updated", func(db *gorm.DB, id uint) error {
			return db.Unscoped().Save(&Letter{ID: id, Text: "new", DeletedAt: later}).Error
		}},
		{"Delete of a live row", false, "deleted", func(db *gorm.DB, id uint) error { return db.Unscoped().Delete(&Letter{}, id).Error }},
		{"Delete of a hidden row", true, "deleted", func(db *gorm.DB, id uint) error { return db.Unscoped().Delete(&Letter{}, id).Error }},
	}
}

// needed are receivers of post_change that need less or more than each other.
func needed() map[string][][]signals.ConnectOption {
	keys, row, original := []signals.ConnectOption{signals.Needs(signals.Keys)}, []signals.ConnectOption{signals.Needs(signals.Row)}, []signals.ConnectOption{}
	return map[string][][]signals.ConnectOption{
		"keys": {keys}, "row": {row}, "original": {original}, "keys and row": {keys, row}, "keys beside original": {keys, original},
		"after the commit": {{signals.Needs(signals.Keys), signals.AfterCommit()}}, "net": {{signals.AfterCommit(), signals.Net()}},
	}
}

// letter stores a letter without signals.
func letter(c *C, gone bool) uint {
	c.Helper()
	row := Letter{Text: "old"}
	if gone {
		row.DeletedAt = buried
	}
	require.NoError(c, c.DB.Session(&gorm.Session{SkipHooks: true}).Create(&row).Error)
	return row.ID
}

// hearKinds notes the kind and the key of each change of a letter, and returns what disconnects the receiver.
func hearKinds(c *C, options ...signals.ConnectOption) func() bool {
	return signals.For[Letter](c.DB).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*Letter]) error {
		if e.Kind != signals.Updated {
			assert.True(c, e.Changed() && e.Changed("ID") && e.Changed("text", "DeletedAt"), "%v: every field is changed", e.Kind)
		}
		c.say("%v %d", e.Kind, e.Instance.ID)
		return nil
	}, options...)
}

func kinds(c *C) {
	tables(c, &Letter{})
	for name, receivers := range needed() {
		var disconnect []func() bool
		for _, options := range receivers {
			disconnect = append(disconnect, hearKinds(c, options...))
		}
		for _, f := range forms() {
			id := letter(c, f.gone)
			require.NoError(c, f.call(c.DB, id), f.name)
			assert.Equal(c, slices.Repeat(line("%s %d", f.want, id), len(receivers)), c.heard(), "%s, %s, hidden before %t", name, f.name, f.gone)
		}
		for _, d := range disconnect {
			d()
		}
	}
}

func kindsOfBatch(c *C) {
	tables(c, &Letter{})
	for name, receivers := range needed() {
		var disconnect []func() bool
		for _, options := range receivers {
			disconnect = append(disconnect, hearKinds(c, options...))
		}
		a, b, d := letter(c, true), letter(c, false), letter(c, true)
		all := func() *gorm.DB { return c.DB.Unscoped().Model(&Letter{}).Where("id >= ?", a) }
		check := func(write error, want ...string) {
			c.Helper()
			require.NoError(c, write, name)
			var lines []string
			for i, id := range []uint{a, b, d} {
				lines = append(lines, slices.Repeat([]string{fmt.Sprint(want[i], " ", id)}, len(receivers))...)
			}
			assert.ElementsMatch(c, lines, c.heard(), name)
		}
		check(all().Updates(map[string]any{"text": "x", "deleted_at": nil}).Error, "restored", "updated", "restored")
		check(c.DB.Model(&Letter{}).Where("id >= ?", a).Update("deleted_at", buried).Error, "soft_deleted", "soft_deleted", "soft_deleted")
		mixed := []Letter{{ID: a, Text: "y"}, {ID: b, Text: "y", DeletedAt: buried}, {ID: d, Text: "y"}}
		check(c.DB.Save(&mixed).Error, "restored", "updated", "restored")
		for _, disconnected := range disconnect {
			disconnected()
		}
	}
}

func kindByReceiver(c *C) {
	tables(c, &Letter{})
	for _, need := range []signals.Need{signals.Keys, signals.Row, signals.Original} {
		mark := gorm.DeletedAt{}
		marked := signals.For[Letter](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Letter]) error {
			e.Instance.DeletedAt = mark
			return nil
		}, signals.Needs(need))
		heard := hearKinds(c, signals.Needs(need))
		live, gone := letter(c, false), letter(c, true)
		mark = buried
		require.NoError(c, c.DB.Model(&Letter{ID: live}).Update("text", "new").Error)
		c.want(line("soft_deleted %d", live))
		mark = gorm.DeletedAt{}
		require.NoError(c, c.DB.Unscoped().Model(&Letter{ID: gone}).Update("text", "new").Error)
		require.NoError(c, c.DB.Unscoped().Save(&Letter{ID: live, DeletedAt: buried}).Error)
		c.want(line("restored %d", gone), line("restored %d", live))
		mark = buried
		require.NoError(c, c.DB.Save(&Letter{ID: live, Text: "newer"}).Error)
		c.want(line("soft_deleted %d", live))
		marked()
		heard()
	}
}

func fieldsOfFollower(c *C) {
	tables(c, &Letter{})
	signals.For[Letter](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Letter]) error {
		c.say("post_save %d", e.Instance.ID)
		return nil
	}, signals.Fields("ID"))
	for name, options := range map[string][]signals.ConnectOption{
		"at once": nil, "after the commit": {signals.AfterCommit()}, "net": {signals.AfterCommit(), signals.Net()},
	} {
		disconnect := hearKinds(c, append(options, signals.Fields("ID"))...) // no update changes it
		for _, f := range forms() {
			var want []string
			id := letter(c, f.gone)
			if f.want != "updated" {
				want = line("%s %d", f.want, id)
			}
			require.NoError(c, f.call(c.DB, id), f.name)
			assert.Equal(c, want, c.heard(), "%s, %s", name, f.name)
		}
		disconnect()
	}
}
