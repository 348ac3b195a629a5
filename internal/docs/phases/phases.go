// Package phases draws the diagram of the README: when which receiver runs. The text is in phases.txt, the pictures are in docs/images. After a
// change of the text, go generate draws the pictures anew, and a test fails until it has.
package phases

import (
	_ "embed"
	"fmt"
	"html"
	"strings"
)

//go:generate go run ./draw

//go:embed phases.txt
var text string

// Colors are those of one picture, as CSS colors.
type Colors struct{ Text, Faint, Signal, SignalFill, SQL, SQLFill string }

// Pictures has the colors by the name of the picture below docs/images: one for pages with a light background, one for those with a dark one.
var Pictures = map[string]Colors{
	"phases-light.svg": {Text: "#1f2328", Faint: "#59636e", Signal: "#0969da", SignalFill: "#ddf4ff", SQL: "#d1d9e0", SQLFill: "#f6f8fa"},
	"phases-dark.svg":  {Text: "#f0f6fc", Faint: "#9198a1", Signal: "#4493f8", SignalFill: "#121d2f", SQL: "#3d444d", SQLFill: "#151b23"},
}

// Sizes in pixels.
const (
	width, boxWidth, boxHeight = 900, 132, 92
	gap, lineHeight, bandTop   = 21, 15, 26
	bandHeight                 = bandTop + boxHeight + 18
	charactersInLine           = 19
)

// band is a title with boxes below it.
type band struct {
	title       string
	row, column int // where the first box stands
	boxes       []box
}

// box is a signal or a statement, with what a reader should know about it.
type box struct {
	signal bool
	names  []string
	note   string
}

// SVG returns the picture in some colors.
func SVG(c Colors) string {
	bands := parse(text)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12">`+"\n", width, (bands[len(bands)-1].row+1)*bandHeight)
	for _, band := range bands {
		left, top := 1+band.column*(boxWidth+gap), band.row*bandHeight
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s" font-size="13">%s</text>`+"\n", left+1, top+16, c.Faint, html.EscapeString(band.title))
		for i, box := range band.boxes {
			x := left + i*(boxWidth+gap)
			if i > 0 && band.row == 0 {
				y := top + bandTop + boxHeight/2
				fmt.Fprintf(&b, `<path d="M%d %dh%dm-5 -4l5 4l-5 4" fill="none" stroke="%s"/>`+"\n", x-gap+2, y, gap-4, c.Faint)
			}
			box.draw(&b, c, x, top+bandTop)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw adds a box whose upper left corner is at x, y.
func (b box) draw(out *strings.Builder, c Colors, x, y int) {
	stroke, fill := c.SQL, c.SQLFill
	if b.signal {
		stroke, fill = c.Signal, c.SignalFill
	}
	fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="%s"/>`+"\n", x, y, boxWidth, boxHeight, fill, stroke)
	notes := wrapped(b.note)
	line := y + (boxHeight-lineHeight*(len(b.names)+len(notes)))/2 + lineHeight - 4
	for _, name := range b.names {
		fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="middle" fill="%s" font-family="ui-monospace, monospace" font-weight="600">%s</text>`+"\n",
			x+boxWidth/2, line, c.Text, html.EscapeString(name))
		line += lineHeight
	}
	for _, note := range notes {
		fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="middle" fill="%s">%s</text>`+"\n", x+boxWidth/2, line, c.Faint, html.EscapeString(note))
		line += lineHeight
	}
}

// parse reads bands. A line without a tab is a title, and "beside: " puts it into the row of the band before. A line with a tab is a box: "signal" or
// "sql", its names with "/" between them, and a note after ": ".
func parse(text string) []band {
	var bands []band
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		described, isBox := strings.CutPrefix(line, "\t")
		if !isBox {
			title, beside := strings.CutPrefix(line, "beside: ")
			next := band{title: title}
			if len(bands) > 0 {
				last := bands[len(bands)-1]
				if next.row = last.row + 1; beside {
					next.row, next.column = last.row, last.column+len(last.boxes)
				}
			}
			bands = append(bands, next)
			continue
		}
		kind, rest, _ := strings.Cut(described, " ")
		names, note, _ := strings.Cut(rest, ": ")
		last := &bands[len(bands)-1]
		last.boxes = append(last.boxes, box{signal: kind == "signal", names: strings.Split(names, "/"), note: note})
	}
	return bands
}

// wrapped splits a note into lines that fit into a box.
func wrapped(note string) []string {
	var lines []string
	for word := range strings.FieldsSeq(note) {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= charactersInLine {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
