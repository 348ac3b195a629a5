package gormdocs_test

import (
	"slices"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestSendsWhatTheAssociationsPageWrites follows https://gorm.io/docs/associations.html.
func TestSendsWhatTheAssociationsPageWrites(t *testing.T) {
	t.Parallel()
	runDocs(t, slices.Concat(docsAutoCases(), docsAutoMoreCases(), docsModeCases(), docsRemoveCases()))
}

// docsFamily is the user of the page's first example.
func docsFamily() *docsUser {
	return &docsUser{
		Name: "dan", BillingAddress: &docsAddress{Address1: "b", Address2: "b2"}, ShippingAddress: &docsAddress{Address1: "s"},
		Emails: []docsEmail{{Email: "x"}, {Email: "y"}}, Languages: []docsLanguage{{ID: 1, Name: "ZH"}, {Name: "FR"}},
	}
}

func docsAutoCases() []docsCase {
	const addresses = `
		pre_save create user 0 dan 0
		pre_save create address 0 b
		post_save create address 2 b
		pre_save create address 0 s
		post_save create address 3 s`
	const emails = `
		pre_save create email 0 x of 4
		pre_save create email 0 y of 4
		post_save create email 4 x of 4
		post_save create email 5 y of 4`
	const created = `
		post_save create user 4 dan 0`
	return []docsCase{
		{
			"auto-saving associations on create", func(db *gorm.DB) error { return db.Create(docsFamily()).Error }, nil,
			addresses + emails + `
			pre_save create language 0 FR 0
			post_save create language 4 FR 0` + created,
		},
		{"auto-saving associations on save, all stored", func(db *gorm.DB) error {
			var user docsUser
			db.Preload(clause.Associations).First(&user, 1)
			return db.Save(&user).Error
		}, nil, `saves update user 1 ann 18`},
		{"FullSaveAssociations", func(db *gorm.DB) error {
			var user docsUser
			db.Preload(clause.Associations).First(&user, 1)
			user.Name, user.BillingAddress.Address1, user.Emails[1].Email, user.Languages[0].Name = "hello", "new", "new", "new"
			return db.Session(&gorm.Session{FullSaveAssociations: true}).Updates(&user).Error
		}, nil, `
			pre_save update user 1 hello 18
			saves update address 1 new
			saves update email 2 new of 1
			saves update language 1 new 0
			post_save update user 1 hello 18`},
		{"select to include fields", func(db *gorm.DB) error { return db.Select("Name").Create(docsFamily()).Error }, nil, `
			pre_save create user 0 dan 0` + created},
	}
}

func docsAutoMoreCases() []docsCase {
	const emails = `
		pre_save create email 0 x of 4
		pre_save create email 0 y of 4
		post_save create email 4 x of 4
		post_save create email 5 y of 4`
	const created = `
		post_save create user 4 dan 0`
	return []docsCase{
		{"omit an association", func(db *gorm.DB) error {
			return db.Omit("BillingAddress", "ShippingAddress", "Languages").Create(docsFamily()).Error
		}, nil, `
			pre_save create user 0 dan 0` + emails + created},
		{"omit all associations", func(db *gorm.DB) error {
			return db.Omit(clause.Associations).Create(docsFamily()).Error
		}, nil, `
			pre_save create user 0 dan 0` + created},
		{"omit the rows of a many2many association", func(db *gorm.DB) error {
			return db.Omit("Languages.*").Create(&docsUser{Name: "dan", Languages: []docsLanguage{{ID: 1, Name: "other"}}}).Error
		}, nil, `
			pre_save create user 0 dan 0` + created},
		{"select fields of an association", func(db *gorm.DB) error {
			return db.Select("Name", "BillingAddress.Address1", "BillingAddress.Address2").Create(docsFamily()).Error
		}, nil, `
			pre_save create user 0 dan 0` + created},
		{"omit fields of an association", func(db *gorm.DB) error {
			return db.Omit("BillingAddress.Address2", "ShippingAddress", "Languages").Create(docsFamily()).Error
		}, nil, `
			pre_save create user 0 dan 0
			pre_save create address 0 b
			post_save create address 2 b` + emails + created},
	}
}

func docsModeCases() []docsCase {
	ann := func(db *gorm.DB, relation string) *gorm.Association {
		return db.Model(&docsUser{ID: 1, Name: "ann", Age: 18}).Association(relation)
	}
	return []docsCase{
		{"find", func(db *gorm.DB) error { return ann(db, "Languages").Find(&[]docsLanguage{}) }, nil, ""},
		{"count", func(db *gorm.DB) error { ann(db, "Languages").Count(); return nil }, nil, ""},
		{"append stored rows", func(db *gorm.DB) error {
			return ann(db, "Languages").Append([]docsLanguage{{ID: 1}, {ID: 3}})
		}, nil, ""},
		{"append a new row", func(db *gorm.DB) error { return ann(db, "Languages").Append(&docsLanguage{Name: "FR"}) }, nil, `
			pre_save create language 0 FR 0
			post_save create language 4 FR 0`},
		{"append to has-many", func(db *gorm.DB) error { return ann(db, "Emails").Append(&docsEmail{Email: "new"}) }, nil, `
			pre_save create email 0 new of 1
			post_save create email 4 new of 1`},
		{
			"append takes a stored row over", func(db *gorm.DB) error { return ann(db, "Emails").Append(&docsEmail{ID: 3, Email: "e3"}) },
			nil, `saves update email 3 e3 of 1`,
		},
		{"append to has-one", func(db *gorm.DB) error { return ann(db, "Card").Append(&docsCard{Number: "411"}) }, nil, `
			pre_save create card 0 411 of 1
			post_save create card 2 411 of 1`},
		{"append to belongs-to", func(db *gorm.DB) error {
			return ann(db, "BillingAddress").Append(&docsAddress{Address1: "new"})
		}, nil, `
			pre_save update user 1 ann 18
			pre_save create address 0 new
			post_save create address 2 new
			post_save update user 1 ann 18`},
		{"replace many2many", func(db *gorm.DB) error {
			return ann(db, "Languages").Replace([]docsLanguage{{ID: 3, Name: "DE"}, {Name: "FR"}})
		}, nil, `
			pre_save create language 0 FR 0
			post_save create language 4 FR 0`},
		{"replace with values", func(db *gorm.DB) error {
			return ann(db, "Languages").Replace(docsLanguage{Name: "FR"}, docsLanguage{ID: 1, Name: "ZH"})
		}, nil, `
			pre_save create language 0 FR 0
			post_save create language 4 FR 0`},
		{"replace has-many", func(db *gorm.DB) error { return ann(db, "Emails").Replace(&docsEmail{Email: "new"}) }, nil, `
			pre_save create email 0 new of 1
			post_save create email 4 new of 1`},
		{"batch append", func(db *gorm.DB) error {
			users := []docsUser{{ID: 1, Name: "ann"}, {ID: 2, Name: "bob"}}
			return db.Model(&users).Association("Emails").Append(&docsEmail{Email: "x"}, &docsEmail{Email: "y"})
		}, nil, `
			pre_save create email 0 x of 1
			post_save create email 4 x of 1
			pre_save create email 0 y of 2
			post_save create email 5 y of 2`},
	}
}

func docsRemoveCases() []docsCase {
	const emailsGone = `
		pre_delete hard email 1 e1 of 1
		pre_delete hard email 2 e2 of 1
		post_delete hard email 1 e1 of 1
		post_delete hard email 2 e2 of 1`
	ann := func(db *gorm.DB, relation string) *gorm.Association {
		return db.Model(&docsUser{ID: 1, Name: "ann", Age: 18}).Association(relation)
	}
	return []docsCase{
		{"delete with select of has-one", func(db *gorm.DB) error {
			return db.Select("Card", "Emails", "Languages").Delete(&docsUser{ID: 3}).Error
		}, nil, `deletes hard user 3 cyd 30`},
		{"delete with select of has-many", func(db *gorm.DB) error {
			return db.Select("Emails").Delete(&docsUser{ID: 2}).Error
		}, nil, `
			pre_delete hard user 2 bob 20
			deletes hard email 3 e3 of 2
			post_delete hard user 2 bob 20`},
		{"delete with all associations", func(db *gorm.DB) error {
			return db.Select(clause.Associations).Delete(&docsUser{ID: 2}).Error
		}, nil, `
			pre_delete hard user 2 bob 20
			deletes hard email 3 e3 of 2
			post_delete hard user 2 bob 20`},
		{"delete several with select", func(db *gorm.DB) error {
			return db.Select("Emails").Delete(&[]docsUser{{ID: 2}, {ID: 3}}).Error
		}, nil, `
			pre_delete hard user 2 bob 20
			pre_delete hard user 3 cyd 30
			deletes hard email 3 e3 of 2
			post_delete hard user 2 bob 20
			post_delete hard user 3 cyd 30`},
		{"delete with select and a condition without key", func(db *gorm.DB) error {
			return db.Select("Emails").Where("name = ?", "cyd").Delete(&docsUser{}).Error
		}, nil, `deletes hard user 3 cyd 30`},
		{"delete with select, a condition and a key", func(db *gorm.DB) error {
			return db.Select("Emails").Where("name = ?", "bob").Delete(&docsUser{ID: 2}).Error
		}, nil, `
			pre_delete hard user 2 bob 20
			deletes hard email 3 e3 of 2
			post_delete hard user 2 bob 20`},
		{"delete links of many2many", func(db *gorm.DB) error {
			return ann(db, "Languages").Delete([]docsLanguage{{ID: 1}, {ID: 2}})
		}, nil, ""},
		{"delete references of has-many", func(db *gorm.DB) error { return ann(db, "Emails").Delete(&docsEmail{ID: 1}) }, nil, ""},
		{"clear many2many", func(db *gorm.DB) error { return ann(db, "Languages").Clear() }, nil, ""},
		{"clear has-many", func(db *gorm.DB) error { return ann(db, "Emails").Clear() }, nil, ""},
		{"clear has-many, unscoped", func(db *gorm.DB) error { return ann(db, "Emails").Unscoped().Clear() }, nil, emailsGone},
		{"clear has-many, permanent", func(db *gorm.DB) error {
			return ann(db.Unscoped(), "Emails").Unscoped().Clear()
		}, nil, emailsGone},
		{"batch delete of references", func(db *gorm.DB) error {
			return db.Model(&[]docsUser{{ID: 1}, {ID: 2}}).Association("Emails").Delete(&docsEmail{ID: 1})
		}, nil, ""},
	}
}
