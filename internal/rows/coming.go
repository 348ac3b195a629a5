package rows

import (
	"context"
	"reflect"
)

// Comes reports whether a row is one that the cursor has still to read. Only a cursor that has read all keys up front knows.
func (c *Cursor) Comes(ctx context.Context, row reflect.Value) bool {
	if len(c.keys) == 0 {
		return false
	}
	if c.coming == nil {
		c.coming = make(map[string]int, len(c.keys))
		for i, key := range c.keys {
			c.coming[Identity(key)] = len(c.keys) - i
		}
	}
	// The keys are taken from the front, so a key is still there as long as no more are left than were when it was the first.
	left, known := c.coming[c.model.Identity(ctx, row)]
	return known && left <= len(c.keys)
}
