package dbtest_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
	"gorm.io/hints"
	"gorm.io/plugin/prometheus"
)

// sealing is a serializer that encrypts texts. The same text is stored otherwise each time.
type sealing struct{ block cipher.AEAD }

func newSealing(t *testing.T) sealing {
	t.Helper()
	block, err := aes.NewCipher([]byte("0123456789abcdef"))
	require.NoError(t, err)
	sealer, err := cipher.NewGCM(block)
	require.NoError(t, err)
	return sealing{sealer}
}

func (s sealing) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, stored any) error {
	var text []byte
	switch v := stored.(type) {
	case nil:
		return nil
	case []byte:
		text = v
	case string:
		text = []byte(v)
	default:
		return fmt.Errorf("%T is no sealed text", stored)
	}
	if len(text) < s.block.NonceSize() {
		return fmt.Errorf("%d bytes are no sealed text", len(text))
	}
	open, err := s.block.Open(nil, text[:s.block.NonceSize()], text[s.block.NonceSize():], nil)
	if err != nil {
		return err
	}
	return field.Set(ctx, dst, string(open))
}

func (s sealing) Value(_ context.Context, _ *schema.Field, _ reflect.Value, value any) (any, error) {
	nonce := make([]byte, s.block.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	text, _ := value.(string)
	return s.block.Seal(nonce, nonce, []byte(text), nil), nil
}

type secret struct {
	ID   uint
	Name string
	Code string `gorm:"serializer:sealed;type:bytes"`
}

func TestWhatIsEncryptedAnewIsNoChange(t *testing.T) {
	t.Parallel()
	schema.RegisterSerializer("sealed", newSealing(t))
	onTwins(t, nil, nil, []any{&secret{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) {
			all := []secret{{Name: "a", Code: "x"}, {Name: "b", Code: "y"}, {Name: "c"}}
			return db.Create(&all), all
		}, saved("created", 1, 2, 3)...)
		changed := told(signals.For[secret](tw.loud))
		tw.write(t, "same", func(db *gorm.DB) (*gorm.DB, any) {
			v := secret{ID: 1, Name: "a", Code: "x"}
			return db.Save(&v), v
		}, saved("updated", 1)...)
		assert.Empty(t, changed["post"])
		assert.Empty(t, changed["net"])
		tw.write(t, "other", func(db *gorm.DB) (*gorm.DB, any) {
			v := secret{ID: 1}
			return db.Model(&v).Updates(secret{Code: "z"}), v
		}, saved("updated", 1)...)
		assert.Equal(t, []string{"Code"}, changed["post"])
		tw.write(t, "condition", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&secret{}).Where("id < 3").Updates(secret{Code: "w"}), nil
		}, saved("updated", 1, 2)...)
		assert.Equal(t, []string{"Code"}, changed["post"])
		tw.write(t, "delete", func(db *gorm.DB) (*gorm.DB, any) { return db.Delete(&secret{}, 1), nil }, removed("hard", 1)...)
	})
}

type hinted struct {
	ID   uint
	Name string `gorm:"size:20;index:by_name"`
}

func TestHintsAndCommentsReachTheStatements(t *testing.T) {
	t.Parallel()
	onTwins(t, nil, nil, []any{&hinted{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		log := &statements{Interface: tw.loud.Logger}
		tw.loud.Logger = log
		told := func(text string) {
			t.Helper()
			assert.Contains(t, strings.Join(log.sql, "\n"), text)
			log.sql = nil
		}
		tw.write(t, "insert", func(db *gorm.DB) (*gorm.DB, any) {
			all := []hinted{{Name: "a"}, {Name: "a"}, {Name: "b"}}
			return db.Clauses(hints.CommentBefore("insert", "by test")).Create(&all), all
		}, saved("created", 1, 2, 3)...)
		if tw.quiet.Name() != "sqlite" { // its driver builds the clause itself, without comments
			told("/* by test */ INSERT")
		}
		tw.write(t, "update", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Clauses(hints.Comment("update", "by test")).Model(&hinted{}).Where("name = ?", "a").Update("name", "c"), nil
		}, saved("updated", 1, 2)...)
		told("UPDATE /* by test */")
		tw.write(t, "after", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Clauses(hints.CommentAfter("where", "at the end")).Model(&hinted{}).Where("id = 1").Update("name", "d"), nil
		}, saved("updated", 1)...)
		told("/* at the end */")
		if tw.quiet.Name() == "mysql" {
			tw.write(t, "index", func(db *gorm.DB) (*gorm.DB, any) {
				return db.Clauses(hints.UseIndex("by_name")).Model(&hinted{}).Where("name = ?", "c").Update("name", "e"), nil
			}, saved("updated", 2)...)
		}
		log.sql = nil
		tw.write(t, "delete", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Clauses(hints.CommentBefore("delete", "by test")).Where("id > 1").Delete(&hinted{}), nil
		}, removed("hard", 2, 3)...)
		told("/* by test */ DELETE")
	})
}

func TestPrometheusMeasuresBesideTheSignals(t *testing.T) {
	t.Parallel()
	use := func(db *gorm.DB) error {
		return db.Use(prometheus.New(prometheus.Config{DBName: unique(), RefreshInterval: 3600}))
	}
	onTwins(t, nil, use, []any{&hinted{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) {
			v := hinted{Name: "a"}
			return db.Create(&v), v
		}, saved("created", 1)...)
		tw.write(t, "update", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&hinted{}).Where("id = 1").Update("name", "b"), nil
		}, saved("updated", 1)...)
		tw.write(t, "transaction", func(db *gorm.DB) (*gorm.DB, any) {
			tx := db.Begin()
			tx.Delete(&hinted{}, 1)
			return tx.Rollback(), nil
		}, removed("hard", 1)...)
		for _, db := range []*gorm.DB{tw.quiet, tw.loud} {
			p, ok := db.Plugins["gorm:prometheus"].(*prometheus.Prometheus)
			require.True(t, ok)
			pool, err := p.DB.DB()
			require.NoError(t, err, "the plugin reads the pool's numbers")
			assert.Positive(t, pool.Stats().OpenConnections)
		}
	})
}
