package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // so that DecodeConfig knows the format
	_ "image/jpeg" // the same
	_ "image/png"  // the same
	"io"
	"net/http"
	"strings"
)

// Limits of an upload. None of it is written to a temporary file.
const (
	maxPicture = 5 << 20    // bytes of a picture
	maxText    = 64 << 10   // bytes of everything else in a form
	maxDrained = 20 << 20   // bytes of a too large picture that are still read, so that the browser shows the answer
	maxPixels  = 24_000_000 // a picture with more is refused by its header
)

// errTooLarge means that a form, or the picture in it, has too many bytes.
var errTooLarge = errors.New("the picture is larger than 5 MB: choose a smaller one")

// picture is an uploaded picture with its new name. The sender's file name is ignored.
type picture struct {
	name string
	data []byte
}

// readUpload reads a form with a picture: its text fields, and the bytes of the field "picture", none if nothing was chosen. If it returns
// errTooLarge, it also returns the fields before the picture.
func readUpload(w http.ResponseWriter, r *http.Request) (fields map[string]string, data []byte, err error) {
	whole := r.Body
	r.Body = http.MaxBytesReader(w, whole, maxPicture+maxText)
	fields = map[string]string{}
	parts, err := r.MultipartReader()
	if err != nil {
		return fields, nil, err
	}
	for err == nil {
		part, next := parts.NextPart()
		if errors.Is(next, io.EOF) {
			return fields, data, nil
		}
		if err = next; err != nil {
			break
		}
		if part.FormName() == "picture" {
			data, err = readAtMost(part, maxPicture)
			continue
		}
		var text []byte
		text, err = readAtMost(part, maxText)
		fields[part.FormName()] = string(text)
	}
	var limit *http.MaxBytesError
	if errors.As(err, &limit) || errors.Is(err, errTooLarge) {
		_, _ = io.CopyN(io.Discard, whole, maxDrained) // browsers show no answer while they send
		err = errTooLarge
	}
	return fields, nil, err
}

// readAtMost reads a whole part, which may have at most limit bytes.
func readAtMost(part io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(part, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

// pictureType is a kind of picture that the shop accepts.
type pictureType struct{ ending, content, format string }

func pictureTypes() []pictureType {
	return []pictureType{{".png", "image/png", "png"}, {".jpg", "image/jpeg", "jpeg"}, {".gif", "image/gif", "gif"}}
}

// contentType returns the content type of a stored picture, by the extension that the shop gave it.
func contentType(name string) string {
	for _, kind := range pictureTypes() {
		if strings.HasSuffix(name, kind.ending) {
			return kind.content
		}
	}
	return "application/octet-stream"
}

// newPicture makes a picture of uploaded bytes. Its errors tell the sender what to do.
func newPicture(data []byte) (*picture, error) {
	content := http.DetectContentType(data)
	for _, kind := range pictureTypes() {
		if kind.content != content {
			continue
		}
		config, format, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil || format != kind.format {
			return nil, errors.New("the picture is broken: save it once more and choose it again")
		}
		if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
			return nil, fmt.Errorf("the picture has %d × %d pixels: choose one with at most 24 million", config.Width, config.Height)
		}
		return &picture{name: strings.ToLower(rand.Text()) + kind.ending, data: data}, nil
	}
	return nil, errors.New("this is no picture that the shop can show: choose a PNG, JPEG or GIF file")
}
