package writes

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// unheard fails a write that nobody listens to, in strict mode, if its context mutes a UID that no receiver has.
func (r *Engine) unheard(db *gorm.DB) {
	if !r.Strict || db.Error != nil || db.DryRun || db.Statement.SkipHooks || db.Statement.Schema == nil {
		return
	}
	if f := dispatch.FrameOf(db.Statement.Context); f != nil && !f.MuteAll {
		_ = db.AddError(r.doubtMute(f))
	}
}

// doubtMute fails in strict mode if a frame mutes a UID that no receiver has.
func (r *Engine) doubtMute(f *dispatch.Frame) error {
	uid := f.UnknownUID()
	if uid == "" {
		return nil
	}
	return r.Doubt(f, "mute "+uid, func() string {
		var known []string
		for _, entries := range r.Collect() {
			for _, e := range entries {
				known = append(known, e.UID)
			}
		}
		cure := ": use the UID of a connected receiver"
		if near := rows.Nearest(uid, known...); near != "" {
			cure = fmt.Sprintf(": did you mean %q?", near)
		}
		return fmt.Sprintf("signals: Mute names the UID %q, which no receiver has%s", uid, cure)
	})
}
