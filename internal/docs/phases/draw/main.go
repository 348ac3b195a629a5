// Command draw writes the pictures of package phases. It runs in the folder of that package.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/gorm-signals/signals/internal/docs/phases"
)

func main() {
	for name, colors := range phases.Pictures {
		if err := os.WriteFile(filepath.Join("../../../docs/images", name), []byte(phases.SVG(colors)), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
