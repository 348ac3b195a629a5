package writes

import (
	"fmt"

	"github.com/gorm-signals/signals/internal/rows"
)

// doubtMute fails in strict mode if the context mutes a UID that no receiver has.
func (w *write) doubtMute() error {
	uid := w.pre.UnknownUID()
	if uid == "" {
		return nil
	}
	return w.reg.Doubt(w.stmt.Context, "mute "+uid, func() string {
		var known []string
		for _, entries := range w.reg.Collect() {
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
