package main

import (
	"strings"
	"testing"

	"github.com/gorm-signals/signals/bench/internal/workloads"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePeersDoWhatGORMDoes(t *testing.T) {
	t.Parallel()
	for _, w := range all() {
		if w.On != workloads.Memory || w.Long || w.ID == "W0" {
			continue
		}
		t.Run(w.Key(), func(t *testing.T) {
			t.Parallel()
			plain, err := w.Ways[0].Do(w.On)
			require.NoError(t, err)
			require.True(t, w.Has(bunWay))
			require.Equal(t, !strings.HasSuffix(w.ID, " post"), w.Has(entWay), "ent has no RETURNING")
			for _, way := range w.Ways {
				got, err := way.Do(w.On)
				require.NoError(t, err, way.Name)
				assert.Equal(t, plain, got, way.Name)
			}
		})
	}
}
