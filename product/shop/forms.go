package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gorm-signals/signals/product"
)

// Limits of a form.
const (
	maxName        = 80 // characters
	maxDescription = 2000
	maxPrice       = 1_000_000_00 // cents
	maxStock       = 1_000_000
)

// userTime is how long a browser remembers the user, in seconds.
const userTime = 365 * 24 * 60 * 60

// form is a submitted form, to be shown again with its errors.
type form struct {
	Values map[string]string
	Errors map[string]string // by field: what to do about it
}

func newForm(values map[string]string) form { return form{Values: values, Errors: map[string]string{}} }

// text returns a line of text. It is an error if it is empty or too long.
func (f form) text(field, example string) string {
	value := strings.TrimSpace(f.Values[field])
	if value == "" || !isText(value, maxName) {
		f.Errors[field] = fmt.Sprintf("Write 1 to %d letters, such as “%s”.", maxName, example)
	}
	return value
}

// isText reports whether a value is one line of at most limit characters.
func isText(value string, limit int) bool {
	return utf8.ValidString(value) && utf8.RuneCountInString(value) <= limit && !strings.ContainsFunc(value, unicode.IsControl)
}

// price returns an amount in cents.
func (f form) price() int64 {
	cents, ok := parsePrice(f.Values["price"])
	if !ok {
		f.Errors["price"] = "Write a price from 0 to " + product.FormatPrice(maxPrice) + ", such as “19.90”."
	}
	return cents
}

// parsePrice reads "19", "19.9", "19.90" or "19,90". It does not use binary fractions: "1.15" is 115 cents.
func parsePrice(text string) (cents int64, ok bool) {
	text = strings.Replace(strings.TrimSpace(text), ",", ".", 1)
	whole, rest, dot := strings.Cut(text, ".")
	if dot && rest == "" || len(rest) > 2 {
		return 0, false
	}
	rest += strings.Repeat("0", 2-len(rest))
	digits := whole + rest
	if whole == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	cents, err := strconv.ParseInt(digits, 10, 64)
	return cents, err == nil && cents <= maxPrice
}

// product returns the product that the form describes.
func (f form) product() (p product.Product, category string) {
	p.Name = f.text("name", "Blue mug")
	category = f.text("category", "Kitchen")
	p.Price = f.price()
	p.Description = strings.TrimSpace(strings.ReplaceAll(f.Values["description"], "\r\n", "\n"))
	if !utf8.ValidString(p.Description) || utf8.RuneCountInString(p.Description) > maxDescription {
		f.Errors["description"] = fmt.Sprintf("Write at most %d letters.", maxDescription)
	}
	stock, err := strconv.Atoi(strings.TrimSpace(f.Values["stock"]))
	if err != nil || stock < 0 || stock > maxStock {
		f.Errors["stock"] = fmt.Sprintf("Write a whole number from 0 to %d.", maxStock)
	}
	p.Stock = stock
	return p, category
}

// picture returns the picture of a form, nil if none was chosen. Browsers do not keep the choice.
func (f form) picture(data []byte) *picture {
	if len(data) == 0 {
		return nil
	}
	pic, err := newPicture(data)
	if err != nil {
		f.refuse("picture", err)
		return nil
	}
	return pic
}

// refuse turns an error into the hint at a field.
func (f form) refuse(field string, err error) {
	text := err.Error()
	f.Errors[field] = strings.ToUpper(text[:1]) + text[1:] + "."
}

// status is the HTTP status for a form with errors.
func status(upload error) int {
	if errors.Is(upload, errTooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusUnprocessableEntity
}

// readForm reads a form without a picture.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxText)
	err := r.ParseForm()
	values := map[string]string{}
	for field := range r.PostForm {
		values[field] = r.PostForm.Get(field)
	}
	return newForm(values), err
}

func (s *shop) showNew(w http.ResponseWriter, r *http.Request) {
	empty := newForm(map[string]string{"stock": "1", "category": r.URL.Query().Get("category")})
	s.renderNew(w, r, http.StatusOK, empty)
}

// renderNew shows the form of a new product, with the existing categories to choose from.
func (s *shop) renderNew(w http.ResponseWriter, r *http.Request, status int, f form) {
	var categories []string
	err := s.db.WithContext(r.Context()).Model(&Shelf{}).Distinct().Order("category").Pluck("category", &categories).Error
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "new.html", page{Title: "New product", Section: "/products/new", Body: struct {
		form

		Categories []string
	}{f, categories}})
}

func (s *shop) create(w http.ResponseWriter, r *http.Request) {
	fields, data, err := readUpload(w, r)
	if err != nil && !errors.Is(err, errTooLarge) {
		s.badForm(w, r)
		return
	}
	f := newForm(fields)
	p, category := f.product()
	pic := f.picture(data)
	if err != nil {
		f.refuse("picture", err)
	}
	if len(f.Errors) > 0 {
		s.renderNew(w, r, status(err), f)
		return
	}
	if err := s.add(r.Context(), &p, category, pic); err != nil {
		s.fail(w, r, err)
		return
	}
	done(w, r, editPath(p.ID), "created")
}

// edited is the body of the page that changes a product.
type edited struct {
	form

	Product  product.Product
	Category string
}

func (s *shop) showEdit(w http.ResponseWriter, r *http.Request) {
	p, category, err := s.find(r.Context(), idOf(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	f := newForm(map[string]string{"price": product.FormatPrice(p.Price)})
	s.render(w, r, http.StatusOK, "edit.html", page{Title: "Change " + p.Name, Section: "/", Body: edited{f, p, category}})
}

// refuseEdit shows the page again, with the submitted values and their errors.
func (s *shop) refuseEdit(w http.ResponseWriter, r *http.Request, status int, f form) {
	p, category, err := s.find(r.Context(), idOf(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if _, sent := f.Values["price"]; !sent {
		f.Values["price"] = product.FormatPrice(p.Price)
	}
	s.render(w, r, status, "edit.html", page{Title: "Change " + p.Name, Section: "/", Body: edited{f, p, category}})
}

func (s *shop) changePrice(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		s.badForm(w, r)
		return
	}
	cents := f.price()
	if len(f.Errors) > 0 {
		s.refuseEdit(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	if err := s.setPrice(r.Context(), idOf(r), cents); err != nil {
		s.fail(w, r, err)
		return
	}
	done(w, r, editPath(idOf(r)), "price")
}

func (s *shop) changePicture(w http.ResponseWriter, r *http.Request) {
	_, data, err := readUpload(w, r)
	if err != nil && !errors.Is(err, errTooLarge) {
		s.badForm(w, r)
		return
	}
	f := newForm(map[string]string{})
	pic := f.picture(data)
	switch {
	case err != nil:
		f.refuse("picture", err)
	case len(data) == 0:
		f.Errors["picture"] = "Choose a picture first."
	}
	if len(f.Errors) > 0 {
		s.refuseEdit(w, r, status(err), f)
		return
	}
	p, _, err := s.find(r.Context(), idOf(r))
	if err == nil {
		err = s.setPicture(r.Context(), &p, pic)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	done(w, r, editPath(p.ID), "picture")
}

func (s *shop) remove(w http.ResponseWriter, r *http.Request) {
	if err := s.delete(r.Context(), idOf(r)); err != nil {
		s.fail(w, r, err)
		return
	}
	done(w, r, "/", "deleted")
}

// showRemoveAll asks for confirmation before all products of a category are deleted.
func (s *shop) showRemoveAll(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	products, err := s.inCategory(r.Context(), name)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case len(products) == 0:
		s.notFound(w, r)
	default:
		s.render(w, r, http.StatusOK, "category.html", page{Title: "Delete all of " + name, Section: "/", Body: struct {
			Name     string
			Products []string
		}{name, products}})
	}
}

func (s *shop) removeAll(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		s.badForm(w, r)
		return
	}
	switch n, err := s.deleteCategory(r.Context(), f.Values["name"]); {
	case err != nil:
		s.fail(w, r, err)
	case n == 0:
		s.notFound(w, r)
	default:
		done(w, r, "/", "category")
	}
}

func (s *shop) setUser(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	name := strings.TrimSpace(f.Values["user"])
	if err != nil || !isText(name, maxName) {
		s.badForm(w, r)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: userCookie, Value: url.QueryEscape(name), Path: "/", MaxAge: userTime,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	done(w, r, "/", "user")
}
