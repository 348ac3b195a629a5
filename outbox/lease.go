package outbox

import (
	"time"

	"gorm.io/gorm"
)

// lease takes or renews a lease, and reports whether the holder has it now.
func (s store) lease(db *gorm.DB, name, holder string, d time.Duration) (bool, error) {
	tx := db.Exec("UPDATE "+s.leases+" SET holder = ?, until_at = "+s.now+" + ? WHERE name = ? AND (holder = ? OR until_at < "+s.now+")",
		holder, d.Milliseconds(), name, holder)
	if tx.Error != nil || tx.RowsAffected > 0 {
		return tx.Error == nil, tx.Error
	}
	insert, ignore := "INSERT", " ON CONFLICT DO NOTHING"
	if s.dialect == "mysql" {
		insert, ignore = "INSERT IGNORE", ""
	}
	tx = db.Exec(insert+" INTO "+s.leases+" (name, holder, until_at) VALUES (?, ?, "+s.now+" + ?)"+ignore, name, holder, d.Milliseconds())
	if tx.Error != nil || tx.RowsAffected > 0 || s.dialect != "mysql" {
		return tx.RowsAffected > 0, tx.Error
	}
	// MySQL does not count a row that an UPDATE leaves as it is, as a second renewal within a millisecond does.
	var held int64
	err := db.Raw(read+"COUNT(*) FROM "+s.leases+" WHERE name = ? AND holder = ? AND until_at >= "+s.now, name, holder).Scan(&held).Error
	return held > 0, err
}

// endLease ends a lease.
func (s store) endLease(db *gorm.DB, name, holder string) error {
	return db.Exec("UPDATE "+s.leases+" SET until_at = 0 WHERE name = ? AND holder = ?", name, holder).Error
}
