package phases_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/docs/phases"
)

func TestThePicturesAreThoseOfTheText(t *testing.T) {
	t.Parallel()
	require.Len(t, phases.Pictures, 2)
	for name, colors := range phases.Pictures {
		picture, err := os.ReadFile(filepath.Join("../../../docs/images", name))
		require.NoError(t, err)
		assert.Equal(t, phases.SVG(colors), string(picture), "go generate ./internal/docs/phases draws %s anew", name)

		for decoder := xml.NewDecoder(strings.NewReader(string(picture))); ; {
			_, err = decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
		}
	}
}

func TestThePicturesNameWhatTheTableOfPhasesNames(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	text, err := os.ReadFile("phases.txt")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(readme), "## Which phase?")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	names := regexp.MustCompile(`(?m)^\tsignal ([^:]+):`).FindAllStringSubmatch(string(text), -1)
	assert.Len(t, names, 9)
	for _, m := range names {
		for name := range strings.SplitSeq(m[1], "/") {
			assert.Contains(t, table, name)
		}
	}
}
