package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/product"
)

// bomb is a small PNG that says it is large.
func bomb(t *testing.T, width, height uint32) []byte {
	t.Helper()
	data := pngOf(t, 1)
	binary.BigEndian.PutUint32(data[16:], width)
	binary.BigEndian.PutUint32(data[20:], height)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Mug")
	files := s.fileNames()
	for name, c := range map[string]struct {
		data []byte
		hint string
	}{
		"text":         {[]byte("no picture at all"), "Choose a PNG, JPEG or GIF file"},
		"page":         {[]byte("<!doctype html><script>alert(1)</script>"), "choose a PNG, JPEG or GIF file"},
		"drawing":      {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "choose a PNG, JPEG or GIF file"},
		"broken":       {pngOf(t, 1)[:20], "The picture is broken"},
		"other inside": {append([]byte("\x89PNG\r\n\x1a\n"), gifOf(t, 1)...), "The picture is broken"},
		"bomb":         {bomb(t, 50_000, 50_000), "50000 × 50000 pixels"},
		"long bomb":    {bomb(t, 1<<31-1, 1), "choose one with at most 24 million"},
	} {
		hint := strings.ToLower(c.hint)
		got := s.upload("/products", "mug.png", c.data, mugForm("Second")...)
		assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, name)
		assert.Contains(t, strings.ToLower(got.text), hint, name)
		assert.Contains(t, got.text, `value="Second"`, name)
		assert.Contains(t, got.text, `aria-describedby="picture-error"`, name)
		got = s.upload(s.path(mug, "/picture"), "mug.png", c.data)
		assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, name)
		assert.Contains(t, strings.ToLower(got.text), hint, name)
	}
	assert.EqualValues(t, 1, s.count(&product.Product{}))
	assert.Equal(t, files, s.fileNames())
}

func TestAPictureThatIsTooLargeKeepsTheInput(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	for name, size := range map[string]int{"a bit": maxPicture + 1, "more than the form": maxPicture + maxText + 1, "much": 3 * maxPicture} {
		data := append(pngOf(t, 1), make([]byte, size-len(pngOf(t, 1)))...)
		got := s.upload("/products", "mug.png", data, mugForm("Large mug")...)
		assert.Equal(t, http.StatusRequestEntityTooLarge, got.StatusCode, name)
		assert.Contains(t, got.text, "larger than 5 MB: choose a smaller one.", name)
		assert.Contains(t, got.text, `value="Large mug"`, name)
	}
	assert.Zero(t, s.count(&product.Product{}))
	assert.Empty(t, s.fileNames())

	largest := append(pngOf(t, 1), make([]byte, maxPicture-len(pngOf(t, 1)))...)
	assert.Equal(t, http.StatusOK, s.upload("/products", "mug.png", largest, mugForm("Mug")...).StatusCode)
}

// Browsers look for an answer when they have sent everything.
func TestWhoSendsTooMuchGetsAnAnswer(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	body, contentType := uploadForm(t, "mug.png", make([]byte, 3*maxPicture), mugForm("Large mug")...)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.base, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /products HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		contentType, body.Len())
	require.NoError(t, err)
	_, err = body.WriteTo(conn)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
}

func TestFieldsHaveALimitTogether(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	fields := mugForm("Mug")
	for i := range 2 * maxPicture / maxText {
		fields = append(fields, fmt.Sprintf("field%d", i), strings.Repeat("x", maxText))
	}
	got := s.upload("/products", "mug.png", pngOf(t, 1), fields...)
	assert.Equal(t, http.StatusRequestEntityTooLarge, got.StatusCode)
	got = s.upload("/products", "mug.png", pngOf(t, 1), append(mugForm("Mug"), "one", strings.Repeat("x", maxText+1))...)
	assert.Equal(t, http.StatusRequestEntityTooLarge, got.StatusCode)
	assert.Equal(t, http.StatusBadRequest, s.post("/user", "user", strings.Repeat("x", maxText+1)).StatusCode)
	assert.Zero(t, s.count(&product.Product{}))
}

func TestTheNameOfAnUploadIsNeverUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openTestShop(t, filepath.Join(dir, "inner", "shop"), false)
	for _, name := range []string{
		"../../evil.png", "/tmp/evil.png", `..\..\evil.png`, "evil.html", ".trash", "a/b/evil.png", strings.Repeat("x", 300), "evil%00.png",
	} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		fields := mugForm("Mug")
		for i := 0; i < len(fields); i += 2 {
			require.NoError(t, form.WriteField(fields[i], fields[i+1]))
		}
		part, err := form.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="picture"; filename="` + name + `"`}, "Content-Type": {"text/html"},
		})
		require.NoError(t, err)
		_, err = part.Write(pngOf(t, 1))
		require.NoError(t, err)
		require.NoError(t, form.Close())
		got := s.do(http.MethodPost, "/products", &body, http.Header{"Content-Type": {form.FormDataContentType()}})
		require.Equal(t, http.StatusOK, got.StatusCode, name)
	}
	for _, name := range s.fileNames() {
		assert.Regexp(t, `^[a-z2-7]{26}\.png$`, name)
		assert.Equal(t, "image/png", s.get("/images/"+name).Header.Get("Content-Type"))
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
	assert.NoFileExists(t, "/tmp/evil.png")
}

func TestWhatIsNoFormIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	for contentType, text := range map[string]string{
		"application/json": "{}", "multipart/form-data": "x", "multipart/form-data; boundary=x": "--x\r\nhalf a", "": "",
	} {
		got := s.do(http.MethodPost, "/products", io.NopCloser(strings.NewReader(text)), http.Header{"Content-Type": {contentType}})
		assert.Equal(t, http.StatusBadRequest, got.StatusCode, contentType)
		assert.Contains(t, got.text, "send the form once more", contentType)
	}
}
