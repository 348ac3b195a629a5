package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
)

// draw makes a small PNG: a disc whose colour tells the product, and whose size tells the picture.
func draw(productNo, pictureNo int) (io.Reader, error) {
	const side = 64
	fill := color.RGBA{R: uint8(40 * productNo % 256), G: 120, B: uint8((255 - 40*productNo) & 0xff), A: 255}
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	radius := side/2 - 4 - 8*pictureNo
	for y := range side {
		for x := range side {
			dx, dy := x-side/2, y-side/2
			if dx*dx+dy*dy <= radius*radius {
				picture.Set(x, y, fill)
			} else {
				picture.Set(x, y, color.White)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return nil, err
	}
	return &b, nil
}
