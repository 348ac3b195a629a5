package rows

import (
	"context"
	"reflect"
)

// Comes reports whether the cursor has yet to read a row. It is false unless the cursor has read all keys up front.
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
	// Batches take keys from the front. So a key is still there if no fewer keys are left than when it is the first.
	left, known := c.coming[c.model.Identity(ctx, row)]
	return known && left <= len(c.keys)
}
