package dbtest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Crew has skills.
type Crew struct {
	ID     uint
	Skills []Skill `gorm:"many2many:crew_skills"`
}

// Skill is had by crews.
type Skill struct {
	ID    uint
	Crews []Crew `gorm:"many2many:crew_skills"`
}

// hearLinks connects to the links of crews and of skills. Both hear of every link.
func hearLinks(r *race) (reverse *atomic.Int64) {
	reverse = &atomic.Int64{}
	note := func(ctx context.Context, e signals.M2MEvent[*Crew], after bool) {
		for _, pk := range e.PKs {
			line := fmt.Sprint(map[signals.M2MAction]string{signals.PostAdd: "insert ", signals.PostRemove: "delete "}[e.Action], e.Instance.ID, " ", pk)
			if h := heardIn(ctx); after {
				h.after = append(h.after, line)
			} else {
				h.told = append(h.told, line)
			}
		}
	}
	crews := signals.For[Crew](r.db).M2MChanged
	crews.Connect(func(ctx context.Context, e signals.M2MEvent[*Crew]) error {
		if e.Action.Pre() {
			r.meet(ctx)
			return nil
		}
		note(ctx, e, false)
		return nil
	})
	crews.Connect(func(ctx context.Context, e signals.M2MEvent[*Crew]) error { note(ctx, e, true); return nil }, signals.AfterCommit())
	signals.For[Skill](r.db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Skill]) error {
		reverse.Add(int64(len(e.PKs)))
		return nil
	}, signals.AfterCommit())
	return reverse
}

func TestRacingChangesOfOneLinkSendWhatHappens(t *testing.T) {
	t.Parallel()
	ways := map[string]func(tx *gorm.DB, g int) error{
		"append": func(tx *gorm.DB, _ int) error {
			return tx.Model(&Crew{ID: 1}).Association("Skills").Append(&Skill{ID: 1})
		},
		"append several": func(tx *gorm.DB, _ int) error {
			return tx.Model(&Crew{ID: 1}).Association("Skills").Append(&Skill{ID: 1}, &Skill{ID: 2})
		},
		"append and delete": func(tx *gorm.DB, g int) error {
			if g%2 == 0 {
				return tx.Model(&Crew{ID: 1}).Association("Skills").Append(&Skill{ID: 1})
			}
			return tx.Model(&Crew{ID: 1}).Association("Skills").Delete(&Skill{ID: 1})
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				at := dialector()
				plain := newRace(t, at, false, &Crew{}, &Skill{})
				require.NoError(t, plain.db.Create(&Crew{ID: 1}).Error)
				require.NoError(t, plain.db.Create(&[]Skill{{ID: 1}, {ID: 2}}).Error)
				r := newRace(t, at, true)
				r.logged(t, "crew_skills", "crew_id", "skill_id")
				reverse := hearLinks(r)
				rounds := func(one *race) {
					for i := range 12 {
						one.round(t, i%4 == 3, way)
						one.call(t, func(tx *gorm.DB) error {
							return tx.Model(&Crew{ID: 1}).Association("Skills").Delete(&Skill{ID: 1}, &Skill{ID: 2})
						})
					}
				}
				rounds(plain)
				require.NoError(t, r.db.Exec("DELETE FROM race_log").Error)
				rounds(r)
				r.check(t)
				assert.EqualValues(t, len(r.after), reverse.Load(), "the other side hears of as many links")
				r.addsNoDeadlocks(t, plain, rounds)
			})
		})
	}
}

// busy does a random write of few rows, so that writes meet.
func busy(tx *gorm.DB, random *rand.Rand, upserts bool) error {
	id := uint(1 + random.IntN(12))
	fresh := func() int { return -1 - random.IntN(1_000_000) } // an update that changes nothing is not in the log
	more := gorm.Expr("n + 1")
	switch kind := random.IntN(14); {
	case kind > 6 && !upserts:
		if err := tx.Create(&[]Seat{{ID: id}, {ID: id + 1}}).Error; !errors.Is(err, gorm.ErrDuplicatedKey) {
			return err
		}
		return nil
	case kind == 0:
		return tx.Where("id > ? AND n > ?", id, 3).Delete(&Seat{}).Error
	case kind == 1:
		return tx.Delete(&Seat{}, id).Error
	case kind == 2:
		return tx.Where("n >= ?", 0).Delete(&[]Seat{{ID: id}, {ID: id + 1}}).Error
	case kind == 3:
		return tx.Model(&Seat{}).Where("n < ?", 6).Update("n", more).Error
	case kind == 4:
		return tx.Model(&Seat{ID: id}).Update("n", more).Error
	case kind == 5:
		return tx.Model(&Seat{}).Where("id IN ?", []uint{id, id + 2, id + 4}).Updates(map[string]any{"n": more}).Error
	case kind == 6:
		return tx.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&Seat{ID: id}).Update("n", more).Error; err != nil {
				return err
			}
			return tx.Where("id = ?", id+1).Delete(&Seat{}).Error
		})
	case kind == 7:
		return tx.Save(&Seat{ID: id, N: fresh()}).Error
	case kind == 8:
		return tx.Save(&[]Seat{{ID: id, N: fresh()}, {ID: id + 1, N: fresh()}}).Error
	case kind == 9:
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Seat{ID: id, N: fresh()}).Error
	case tx.Name() == "postgres": // equal rows of a slice with RETURNING cannot be told apart, see docs/limits.md
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Seat{ID: id}).Error
	default:
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Seat{{ID: id}, {ID: id + 1}}).Error
	}
}

func TestRacingConditionalWritesSendWhatHappens(t *testing.T) {
	t.Parallel()
	for name, upserts := range map[string]bool{"among inserts": false, "among upserts": true} {
		for _, batch := range []int{500, 3} {
			t.Run(fmt.Sprint(name, " in batches of ", batch), func(t *testing.T) {
				t.Parallel()
				onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
					t.Helper()
					r := newRace(t, dialector(), false, &Seat{})
					require.NoError(t, r.db.Use(signals.Plugin{BatchSize: batch}))
					r.logged(t, "seats", "id", "n")
					hearRace(r, showSeat)
					var seed atomic.Uint64
					r.round(t, false, func(*gorm.DB, int) error {
						random := rand.New(rand.NewPCG(1, seed.Add(1)))
						for range 60 {
							r.call(t, func(tx *gorm.DB) error { return busy(tx, random, upserts) })
						}
						return nil
					})
					r.check(t)
				})
			})
		}
	}
}

// disjoint are writes that do not wait for each other without the plugin: every connection has rows of its own.
func disjoint() map[string]func(tx *gorm.DB, key uint, g int) error {
	all := clause.OnConflict{UpdateAll: true}
	own := func(g int) []uint { return []uint{uint(1 + g), uint(11 + g), uint(21 + g)} }
	return map[string]func(tx *gorm.DB, key uint, g int) error{
		"Save of new rows":    func(tx *gorm.DB, key uint, g int) error { return tx.Save(&Seat{ID: key + uint(g)}).Error },
		"Save of slices":      func(tx *gorm.DB, key uint, g int) error { return tx.Save(&[]Seat{{ID: key + uint(g)}}).Error },
		"Save of stored rows": func(tx *gorm.DB, key uint, g int) error { return tx.Save(&Seat{ID: uint(1 + g), N: int(key)}).Error },
		"UpdateAll of new rows": func(tx *gorm.DB, key uint, g int) error {
			return tx.Clauses(all).Create(&Seat{ID: key + uint(g)}).Error
		},
		"Create": func(tx *gorm.DB, key uint, g int) error { return tx.Create(&Seat{ID: key + uint(g)}).Error },
		"DoNothing": func(tx *gorm.DB, key uint, g int) error {
			return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Seat{ID: key + uint(g)}).Error
		},
		"conditional updates": func(tx *gorm.DB, key uint, g int) error {
			return tx.Model(&Seat{}).Where("id IN ?", own(g)).Update("n", key).Error
		},
		"the same conditional delete": func(tx *gorm.DB, key uint, _ int) error {
			return tx.Where("id > ?", 1000+key).Delete(&Seat{}).Error
		},
		"deletes and inserts": func(tx *gorm.DB, key uint, g int) error {
			if err := tx.Delete(&Seat{}, own(g)).Error; err != nil {
				return err
			}
			return tx.Create(&Seat{ID: uint(1 + g)}).Error
		},
		"deletes of rows that are not there": func(tx *gorm.DB, key uint, g int) error {
			if err := tx.Delete(&Seat{}, key+uint(g)).Error; err != nil {
				return err
			}
			return tx.Create(&Seat{ID: key + uint(g)}).Error
		},
		"updates of rows that are not there": func(tx *gorm.DB, key uint, g int) error {
			if err := tx.Model(&Seat{ID: key + uint(g)}).Update("n", 1).Error; err != nil {
				return err
			}
			return tx.Create(&Seat{ID: key + uint(g)}).Error
		},
	}
}

func TestThePluginAddsNoDeadlocks(t *testing.T) {
	t.Parallel()
	writes := disjoint()
	for name, write := range upserts() {
		writes[name+" of one key"] = func(tx *gorm.DB, key uint, g int) error { return write(tx, key, g) }
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				at := dialector()
				plain, plugged := newRace(t, at, false, &Seat{}), newRace(t, at, true)
				hearRace(plugged, showSeat)
				run := func(r *race) {
					require.NoError(t, plain.db.Where("1 = 1").Delete(&Seat{}).Error)
					for i := range 30 {
						require.NoError(t, plain.db.Create(&Seat{ID: uint(1 + i)}).Error)
					}
					r.rounds(t, 12, write)
				}
				run(plain)
				run(plugged)
				plugged.addsNoDeadlocks(t, plain, run)
			})
		})
	}
}

// Fleet has vessels, which go with it.
type Fleet struct {
	ID      uint
	Vessels []Vessel `gorm:"constraint:OnDelete:CASCADE"`
}

// Vessel belongs to a Fleet.
type Vessel struct{ ID, FleetID uint }

func TestRacingCascadesSendOnePairPerRowThatGoes(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, at gorm.Dialector) {
		t.Helper()
		r := newRace(t, at, true, &Fleet{}, &Vessel{})
		hearRace(r, func(b *Vessel) string { return fmt.Sprint(b.ID) })
		var next, seed atomic.Uint64
		r.round(t, false, func(*gorm.DB, int) error {
			random := rand.New(rand.NewPCG(2, seed.Add(1)))
			for range 40 {
				id := uint(1 + random.IntN(4))
				r.call(t, func(tx *gorm.DB) error {
					switch random.IntN(6) {
					case 0:
						return tx.Delete(&Fleet{}, id).Error
					case 1:
						return tx.Where("id >= ?", id).Delete(&Fleet{}).Error
					case 2:
						return tx.Where("fleet_id = ?", id).Delete(&Vessel{}).Error
					case 3:
						return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Fleet{ID: id}).Error
					default:
						err := tx.Create(&Vessel{ID: uint(next.Add(1)), FleetID: id}).Error
						if errors.Is(err, gorm.ErrForeignKeyViolated) {
							return nil // the fleet is gone
						}
						return err
					}
				})
			}
			return nil
		})
		var left []Vessel
		require.NoError(t, r.db.Find(&left).Error)
		var created, gone []string
		for _, line := range r.after {
			if id, ok := strings.CutPrefix(line, "insert "); ok {
				created = append(created, id)
			} else {
				gone = append(gone, strings.TrimPrefix(line, "delete "))
			}
		}
		for _, b := range left {
			gone = append(gone, fmt.Sprint(b.ID))
		}
		assert.ElementsMatch(t, created, gone, "every vessel that was created is there or has one pair")
		assert.ElementsMatch(t, r.told, r.after)
	})
}
