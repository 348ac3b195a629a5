package main

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/product"
)

// idOf returns the key in the path of a request. It returns 0, which no row has, if there is none.
func idOf(r *http.Request) uint {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 63)
	if err != nil {
		return 0
	}
	return uint(id)
}

// userCookie is the name of the cookie with the user's name.
const userCookie = "shop_user"

// userOf returns the user who sent a request, empty if unknown.
func userOf(r *http.Request) string {
	cookie, err := r.Cookie(userCookie)
	if err != nil {
		return ""
	}
	name, err := url.QueryUnescape(cookie.Value)
	if err != nil || !isText(name, maxName) {
		return ""
	}
	return name
}

func (s *shop) showList(w http.ResponseWriter, r *http.Request) {
	categories, err := s.list(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "list.html", page{Title: "Products", Section: "/", Body: categories})
}

// detail is the body of a product's page.
type detail struct {
	product.Product

	Category string
	Seen     int64
}

// showProduct shows a product and sends Viewed each time that somebody gets the page.
func (s *shop) showProduct(w http.ResponseWriter, r *http.Request) {
	p, category, err := s.find(r.Context(), idOf(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	views := p.Views
	if r.Method == http.MethodGet { // a HEAD request shows nothing
		if views, err = s.seen(r.Context(), &p, userOf(r)); missing(err) {
			s.notFound(w, r)
			return
		}
		if err != nil { // an error of counting does not keep the page from being shown
			s.log.ErrorContext(r.Context(), "a view failed", slog.Any("error", err))
		}
	}
	s.render(w, r, http.StatusOK, "product.html",
		page{Title: p.Name, Section: "/", Body: detail{Product: p, Category: category, Seen: views}})
}

func (s *shop) showMails(w http.ResponseWriter, r *http.Request) {
	mails, total, err := s.sentMails()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "mails.html", page{Title: "Mails", Section: "/mails", Body: struct {
		Mails []sentMail
		Total int
	}{mails, total}})
}

func (s *shop) showViewed(w http.ResponseWriter, r *http.Request) {
	counts, latest, err := s.views(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "viewed.html", page{Title: "Viewed", Section: "/viewed", Body: struct {
		Counts, Latest []view
	}{counts, latest}})
}

// serveImage serves the file of an image row. It only compares the name in the path. It opens the name in the row, inside the image directory only.
func (s *shop) serveImage(w http.ResponseWriter, r *http.Request) {
	var images []product.Image
	err := s.db.WithContext(r.Context()).Where("file = ?", r.PathValue("file")).Find(&images).Error
	at := slices.IndexFunc(images, func(i product.Image) bool { return i.File == r.PathValue("file") }) // the database may have ignored case
	if err == nil && at < 0 {
		err = gorm.ErrRecordNotFound
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	file, err := s.files.Open(images[at].File)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = gorm.ErrRecordNotFound
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", contentType(images[at].File))
	w.Header().Set("Cache-Control", "private, max-age=86400, immutable") // a new picture gets a new name
	http.ServeContent(w, r, "", info.ModTime(), file)
}
