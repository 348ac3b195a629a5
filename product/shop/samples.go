package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// sample is a product that a new shop starts with.
type sample struct {
	category, name, description, file string
	price                             int64
	stock                             int
	shapes                            []shape
}

// addSamples fills a new shop. The samples are fixtures, so that no mails are sent for them.
func (s *shop) addSamples(ctx context.Context) error {
	for _, sample := range samples() {
		data, err := draw(sample.shapes)
		if err != nil {
			return err
		}
		p := &product.Product{Name: sample.name, Description: sample.description, Price: sample.price, Stock: sample.stock}
		if err = s.add(signals.Raw(ctx), p, sample.category, &picture{name: sample.file, data: data}); err != nil {
			return fmt.Errorf("cannot add the sample %q: %w", sample.name, err)
		}
	}
	return nil
}

// shape is a colour with an area of a picture. Coordinates are from 0 to 160 and from 0 to 120.
type shape struct {
	fill   color.RGBA
	inside func(x, y float64) bool
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{R: uint8(hex >> 16 & 0xff), G: uint8(hex >> 8 & 0xff), B: uint8(hex & 0xff), A: 255}
}

// box is a rectangle that is wider at the bottom by slant on each side.
func box(fill uint32, left, top, right, bottom, slant float64) shape {
	return shape{rgb(fill), func(x, y float64) bool {
		more := slant * (y - top) / (bottom - top)
		return y >= top && y < bottom && x >= left-more && x < right+more
	}}
}

// leaning is a rectangle whose bottom is moved to the right.
func leaning(fill uint32, left, top, right, bottom, lean float64) shape {
	return shape{rgb(fill), func(x, y float64) bool {
		x -= lean * (y - top) / (bottom - top)
		return y >= top && y < bottom && x >= left && x < right
	}}
}

// oval is an ellipse around a point.
func oval(fill uint32, x0, y0, width, height float64) shape {
	return shape{rgb(fill), func(x, y float64) bool {
		dx, dy := (x-x0)/width, (y-y0)/height
		return dx*dx+dy*dy < 1
	}}
}

// ring is the part of an oval outside a smaller one.
func ring(fill uint32, x0, y0, radius, thickness float64) shape {
	outer, inner := oval(fill, x0, y0, radius, radius), oval(fill, x0, y0, radius-thickness, radius-thickness)
	return shape{rgb(fill), func(x, y float64) bool { return outer.inside(x, y) && !inner.inside(x, y) }}
}

// Pixels per coordinate, and points in each direction that are mixed to a pixel.
const (
	pictureScale = 3
	pointsAcross = 2
)

// draw makes a PNG of shapes, later ones over earlier ones. Equal shapes always give equal bytes.
func draw(shapes []shape) ([]byte, error) {
	canvas := image.NewRGBA(image.Rect(0, 0, 160*pictureScale, 120*pictureScale))
	for y := range 120 * pictureScale {
		for x := range 160 * pictureScale {
			canvas.SetRGBA(x, y, mixed(shapes, x, y))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, canvas); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// mixed returns the colour of a pixel, mixed from several points in it, so that edges are smooth.
func mixed(shapes []shape, x, y int) color.RGBA {
	var red, green, blue int
	for i := range pointsAcross * pointsAcross {
		px := (float64(x) + (float64(i%pointsAcross)+0.5)/pointsAcross) / pictureScale
		py := (float64(y) + (float64(i/pointsAcross)+0.5)/pointsAcross) / pictureScale
		fill := rgb(0xffffff)
		for _, s := range shapes {
			if s.inside(px, py) {
				fill = s.fill
			}
		}
		red, green, blue = red+int(fill.R), green+int(fill.G), blue+int(fill.B)
	}
	const points = pointsAcross * pointsAcross
	return color.RGBA{R: uint8(red / points & 0xff), G: uint8(green / points & 0xff), B: uint8(blue / points & 0xff), A: 255}
}

// room is a wall and a table.
func room(wall, table uint32) []shape {
	return []shape{box(wall, 0, 0, 160, 120, 0), box(table, 0, 92, 160, 120, 0)}
}

// mug is a mug of a colour.
func mug(body, dark uint32) []shape {
	return []shape{ring(dark, 103, 62, 19, 7), box(body, 56, 36, 102, 98, -3), oval(body, 79, 98, 20, 4), oval(dark, 79, 37, 23, 5)}
}

func samples() []sample {
	on := func(background, shapes []shape) []shape { return append(background, shapes...) }
	day, evening := room(0xdfe9f2, 0xc49a6c), room(0x28324a, 0x5a4334)
	return []sample{
		{"Kitchen", "Blue mug", "Holds tea, and keeps it warm.", "blue-mug.png", 12_00, 10, on(day, mug(0x3b78c4, 0x274f86))},
		{"Kitchen", "Red mug", "The same for coffee.", "red-mug.png", 11_00, 4, on(room(0xf3e6dc, 0xa9774f), mug(0xc8433a, 0x8a2b25))},
		{"Kitchen", "Teapot", "For four cups.", "teapot.png", 22_00, 3, on(room(0xe4efe3, 0xb58a5c), []shape{
			ring(0x3f6d58, 114, 68, 19, 6), leaning(0x4f8a6f, 26, 46, 38, 84, 24), oval(0x4f8a6f, 80, 70, 36, 30),
			oval(0x3f6d58, 80, 43, 20, 6), oval(0x3f6d58, 80, 34, 5, 5),
		})},
		{"Light", "Desk lamp", "Bright, and easy on the eyes.", "desk-lamp.png", 45_00, 7, on(evening, []shape{
			box(0xffe9a8, 56, 52, 104, 94, 26), box(0x8f98a8, 78, 24, 82, 94, 0),
			oval(0x8f98a8, 80, 95, 22, 5), box(0xe0a83c, 66, 22, 94, 54, 14),
		})},
		{"Light", "Candle", "Burns for thirty hours.", "candle.png", 6_50, 40, on(room(0x3a2c3f, 0x6b4a3a), []shape{
			oval(0x6a4a55, 80, 36, 34, 34), box(0xf4ead5, 66, 52, 94, 98, 0), oval(0xf4ead5, 80, 98, 14, 3), oval(0xe3d5b8, 80, 52, 14, 3),
			box(0x3a2c2c, 79, 44, 81, 53, 0), oval(0xffb53a, 80, 36, 6, 12), oval(0xfff0b0, 80, 40, 3, 6),
		})},
		{"Paper", "Poster", "The sea, in the evening.", "poster.png", 15_00, 2, []shape{
			box(0xe9e4da, 0, 0, 160, 120, 0), box(0x3b3330, 30, 10, 130, 110, 0), box(0xf6c28b, 34, 14, 126, 70, 0),
			oval(0xf2703f, 80, 66, 18, 18), box(0x2f5f86, 34, 68, 126, 106, 0),
			box(0xf2a070, 66, 74, 94, 76, 0), box(0xf2a070, 72, 82, 88, 84, 0),
		}},
		{"Paper", "Notebook", "Two hundred pages, with lines.", "notebook.png", 9_90, 25, on(room(0xeee7f3, 0xb08e6a), []shape{
			box(0x5b4a8a, 50, 22, 114, 102, 0), box(0x463870, 50, 22, 60, 102, 0), box(0xf4f1fa, 70, 38, 104, 56, 0),
			box(0xe0576f, 98, 90, 103, 110, 0),
		})},
	}
}

// serveIcon draws the picture that browsers show beside the title.
func serveIcon(w http.ResponseWriter, _ *http.Request) {
	data, err := draw(mug(0x3b78c4, 0x274f86))
	if err != nil {
		http.Error(w, "no icon", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write(data)
}
