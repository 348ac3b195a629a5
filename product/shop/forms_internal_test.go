package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

func TestCreateStoresTheProductAndItsPictureAndSendsAMail(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	for i, c := range []struct {
		data    []byte
		ending  string
		content string
	}{{pngOf(t, 1), ".png", "image/png"}, {jpegOf(t, 2), ".jpg", "image/jpeg"}, {gifOf(t, 3), ".gif", "image/gif"}} {
		got := s.upload("/products", "what.ever", c.data, mugForm("Mug"+c.ending)...)
		require.Equal(t, http.StatusOK, got.StatusCode, got.text)
		assert.Contains(t, got.text, "The product is created, and a mail was sent.")
		p := s.stored(uint(i + 1))
		assert.Equal(t, "Mug"+c.ending, p.Name)
		assert.Equal(t, "Holds tea.", p.Description)
		assert.EqualValues(t, 1200, p.Price)
		assert.Equal(t, 3, p.Stock)
		require.Len(t, p.Images, 1)
		assert.True(t, strings.HasSuffix(p.Images[0].File, c.ending), p.Images[0].File)
		shown := s.get("/images/" + p.Images[0].File)
		assert.Equal(t, string(c.data), shown.text)
		assert.Equal(t, c.content, shown.Header.Get("Content-Type"))
	}
	assert.Equal(t, []string{"New product: Mug.gif", "New product: Mug.jpg", "New product: Mug.png"}, s.subjects())
}

func TestAPictureMayComeLater(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	require.Equal(t, http.StatusOK, s.upload("/products", "", nil, mugForm("Mug")...).StatusCode)
	assert.Contains(t, s.get("/").text, "No picture yet")
	assert.Contains(t, s.get("/products/1").text, "No picture yet")
	got := s.upload("/products/1/picture", "mug.png", pngOf(t, 1))
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Len(t, s.fileNames(), 1)
	assert.Contains(t, s.get("/").text, s.stored(1).Images[0].File)
}

func TestAFormThatCannotBeTakenKeepsTheInput(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]struct{ value, hint string }{
		"name":        {"   ", "Write 1 to 80 letters, such as “Blue mug”."},
		"category":    {strings.Repeat("é", 81), "such as “Kitchen”."},
		"price":       {"cheap", "Write a price from 0 to 1000000.00"},
		"stock":       {"-1", "Write a whole number from 0 to 1000000."},
		"description": {strings.Repeat("x", 2001), "Write at most 2000 letters."},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			s := newTestShop(t)
			fields := mugForm(`A "blue" mug`)
			for i := 0; i < len(fields); i += 2 {
				if fields[i] == field {
					fields[i+1] = c.value
				}
			}
			got := s.upload("/products", "mug.png", pngOf(t, 1), fields...)
			assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
			assert.Contains(t, got.text, fmt.Sprintf(`id="%s-error">`, field))
			assert.Contains(t, got.text, c.hint)
			assert.Equal(t, 1, strings.Count(got.text, "aria-invalid"), "the other fields are right")
			for i := 0; i < len(fields); i += 2 {
				value := strings.ReplaceAll(fields[i+1], `"`, "&#34;")
				assert.Contains(t, got.text, value, fields[i])
			}
			assert.Zero(t, s.count(&product.Product{}))
			assert.Empty(t, s.fileNames())
			assert.Empty(t, s.subjects())
		})
	}
}

func TestAPriceDropIsMailed(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Mug")
	got := s.post(s.path(mug, "/price"), "price", "9,99")
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Contains(t, got.text, "The price is changed.")
	assert.Contains(t, got.text, `name="price" value="9.99"`)
	assert.Contains(t, s.get("/mails").text, "<summary>Now 9.99: Mug</summary>")
	assert.Contains(t, s.get("/mails").text, "Before: 12.00")

	s.post(s.path(mug, "/price"), "price", "20")
	s.post(s.path(mug, "/price"), "price", "20")
	assert.EqualValues(t, 2000, s.stored(mug).Price)
	assert.Len(t, s.subjects(), 2, "a price that rises is no news")
}

func TestAPriceThatIsNoneChangesNothing(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Mug")
	for _, price := range []string{"", "-1", "1.234", "1e3", "0x10", "1000000.01", "99999999999999999999", "1.", ".5", "1.2.3", "٣", "+1"} {
		got := s.post(s.path(mug, "/price"), "price", price)
		assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, price)
		assert.Contains(t, got.text, `aria-describedby="price-error"`)
		assert.Contains(t, got.text, "Write a price from 0 to 1000000.00")
		assert.Contains(t, got.text, `name="price" value="`+strings.ReplaceAll(price, "+", "&#43;")+`"`)
	}
	assert.EqualValues(t, 1200, s.stored(mug).Price)
	for text, cents := range map[string]int64{"0": 0, "1.15": 115, "7": 700, "0.1": 10, "1000000,00": maxPrice, "007": 700} {
		got, ok := parsePrice(" " + text + "\n")
		assert.True(t, ok, text)
		assert.Equal(t, cents, got, text)
	}
}

func TestReplacingAPictureRemovesTheOldFile(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Mug")
	before := s.stored(mug).Images[0].File
	got := s.upload(s.path(mug, "/picture"), "other.gif", gifOf(t, 9))
	assert.Contains(t, got.text, "The picture is changed")
	after := s.stored(mug).Images
	require.Len(t, after, 1)
	assert.NotEqual(t, before, after[0].File)
	assert.Equal(t, []string{after[0].File}, s.fileNames())
	assert.Equal(t, string(gifOf(t, 9)), s.get("/images/"+after[0].File).text)
	assert.Equal(t, http.StatusNotFound, s.get("/images/"+before).StatusCode)

	got = s.upload(s.path(mug, "/picture"), "", nil)
	assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	assert.Contains(t, got.text, "Choose a picture first.")
	assert.Contains(t, got.text, `name="price" value="12.00"`)
}

func TestDeleteRemovesTheFile(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug, other := s.createMug("Mug"), s.createMug("Other")
	got := s.post(s.path(mug, "/delete"))
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Contains(t, got.text, "The product is deleted")
	assert.Equal(t, []string{s.stored(other).Images[0].File}, s.fileNames())
	assert.Equal(t, http.StatusNotFound, s.get(s.path(mug, "")).StatusCode)
	assert.EqualValues(t, 1, s.count(&Shelf{}))
	assert.EqualValues(t, 1, s.count(&product.Image{}))
	assert.Equal(t, http.StatusNotFound, s.post(s.path(mug, "/delete")).StatusCode, "once is enough")
}

func TestBulkDeleteRemovesAllFilesOfTheCategory(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	for i := range 4 {
		s.createMug(fmt.Sprintf("Mug %d", i))
	}
	fields := mugForm("Lamp")
	fields[3] = "Light"
	require.Equal(t, http.StatusOK, s.upload("/products", "lamp.png", pngOf(t, 7), fields...).StatusCode)
	require.Len(t, s.fileNames(), 5)

	asked := s.get("/category/delete?name=Kitchen")
	assert.Contains(t, asked.text, "Delete 4 for good")
	assert.Contains(t, asked.text, "<li>Mug 3</li>")
	got := s.post("/category/delete", "name", "Kitchen")
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.NotContains(t, got.text, "Kitchen</h2>")
	assert.Contains(t, got.text, "Lamp")
	assert.Equal(t, []string{s.stored(5).Images[0].File}, s.fileNames())
	assert.EqualValues(t, 1, s.count(&product.Product{}))
	assert.EqualValues(t, 1, s.count(&Shelf{}))
	assert.Len(t, s.subjects(), 5)
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Mug")
	form := func(name, value string) http.Header {
		return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, name: {value}}
	}
	for _, path := range []string{
		"/products", s.path(mug, "/price"), s.path(mug, "/picture"), s.path(mug, "/delete"), "/category/delete", "/user",
	} {
		for _, header := range []http.Header{
			form("Origin", "https://elsewhere.example"), form("Origin", "null"),
			form("Sec-Fetch-Site", "cross-site"), form("Sec-Fetch-Site", "same-site"),
		} {
			got := s.do(http.MethodPost, path, strings.NewReader("price=1&name=Kitchen&user=eve"), header)
			assert.Equal(t, http.StatusForbidden, got.StatusCode, path)
			assert.Contains(t, got.text, "use its own forms", path)
			assert.Empty(t, got.Cookies())
		}
	}
	assert.EqualValues(t, 1200, s.stored(mug).Price)
	own := s.do(http.MethodPost, s.path(mug, "/price"), strings.NewReader("price=1"), form("Origin", s.base))
	assert.Equal(t, http.StatusOK, own.StatusCode)
	assert.EqualValues(t, 100, s.stored(mug).Price)
}

func TestAWriteThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Mug")
	files, mails := s.fileNames(), s.subjects()
	products := signals.For[product.Product](s.db)
	products.PostSave.Connect(func(context.Context, signals.SaveEvent[*product.Product]) error { return errors.New("no") })
	products.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*product.Product]) error { return errors.New("no") })
	signals.For[product.Image](s.db).PostSave.Connect(
		func(context.Context, signals.SaveEvent[*product.Image]) error { return errors.New("no") })

	for _, got := range []answer{
		s.upload("/products", "mug.png", pngOf(t, 2), mugForm("Second")...),
		s.upload(s.path(mug, "/picture"), "mug.png", pngOf(t, 2)),
		s.post(s.path(mug, "/price"), "price", "1"),
		s.post(s.path(mug, "/delete")),
		s.post("/category/delete", "name", "Kitchen"),
	} {
		assert.Equal(t, http.StatusInternalServerError, got.StatusCode)
		assert.Contains(t, got.text, "nothing was changed")
	}
	assert.EqualValues(t, 1200, s.stored(mug).Price)
	assert.Equal(t, files, s.fileNames())
	assert.Equal(t, mails, s.subjects())
	assert.EqualValues(t, 1, s.count(&Shelf{}))
}

func TestManyUploadAtOnce(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	shared := s.createMug("Shared")
	const many = 8
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			got := s.upload("/products", "same name.png", pngOf(t, uint8(i)), mugForm(fmt.Sprintf("Mug %d", i))...)
			assert.Equal(t, http.StatusOK, got.StatusCode, got.text)
			got = s.upload(s.path(shared, "/picture"), "same name.png", pngOf(t, uint8(i)))
			assert.Equal(t, http.StatusOK, got.StatusCode, got.text)
		})
	}
	all.Wait()
	assert.EqualValues(t, many+1, s.count(&product.Product{}))
	assert.Len(t, s.fileNames(), many+1, "one for each product: what was replaced is removed")
	assert.Len(t, s.subjects(), many+1)
	for id := range uint(many + 1) {
		p := s.stored(id + 1)
		require.Len(t, p.Images, 1)
		assert.Equal(t, http.StatusOK, s.get("/images/"+p.Images[0].File).StatusCode)
		if p.ID != shared {
			var i uint8
			_, err := fmt.Sscanf(p.Name, "Mug %d", &i)
			require.NoError(t, err)
			assert.Equal(t, string(pngOf(t, i)), s.get("/images/"+p.Images[0].File).text, "each has its own picture")
		}
	}
}
