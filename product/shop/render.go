package main

import (
	"bytes"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/gorm-signals/signals/product"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed style.css
var style []byte

// page is what every template gets.
type page struct {
	Title   string
	Section string // the part of the navigation that is current: a path
	User    string
	Notice  string // what the last form has done
	Body    any
}

// parsePages parses each template together with the layout around it.
func parsePages() (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(template.FuncMap{
		"price": product.FormatPrice,
		"time":  func(t time.Time) string { return t.Local().Format("2 Jan 2006, 15:04:05") },
	}).ParseFS(templates, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	names, err := templates.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, entry := range names {
		t, err := layout.Clone()
		if err == nil {
			t, err = t.ParseFS(templates, path.Join("templates", entry.Name()))
		}
		if err != nil {
			return nil, err
		}
		pages[entry.Name()] = t
	}
	return pages, nil
}

// render answers with a page. It is made whole first, so that a failure is an error page and not half a page.
func (s *shop) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.User = userOf(r)
	if p.Notice == "" {
		p.Notice = notice(r.URL.Query().Get("done"))
	}
	var b bytes.Buffer
	if err := s.pages[name].Execute(&b, p); err != nil {
		s.log.ErrorContext(r.Context(), "a page cannot be made", slog.String("page", name), slog.Any("error", err))
		http.Error(w, "This page cannot be shown. Go back and try again.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store") // prices and counts change
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // who has left needs no answer
}

// problem is the body of an error page.
type problem struct{ What, Cure string }

// fail answers with an error page for err, and logs what is no fault of the reader.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	if missing(err) {
		s.notFound(w, r)
		return
	}
	s.log.ErrorContext(r.Context(), "a request failed",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	s.render(w, r, http.StatusInternalServerError, "error.html", page{Title: "That did not work", Body: problem{
		What: "The shop could not do that, and nothing was changed.",
		Cure: "Go back and try again. If it happens again, the log of the shop says why.",
	}})
}

func (s *shop) notFound(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusNotFound, "error.html", page{Title: "Not here", Body: problem{
		What: "There is no such page, or what it showed was deleted.",
		Cure: "Look for it in the list of products.",
	}})
}

// badForm answers a form that was not sent whole, or by something that is no form of the shop.
func (s *shop) badForm(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusBadRequest, "error.html", page{Title: "The form did not arrive", Body: problem{
		What: "The shop could not read what was sent, and nothing was changed.",
		Cure: "Go back and send the form once more.",
	}})
}

// denied answers a form on a page of somebody else.
func (s *shop) denied(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusForbidden, "error.html", page{Title: "Not from there", Body: problem{
		What: "This was sent by a page that is not the shop's, and nothing was changed.",
		Cure: "Open the shop itself and use its own forms.",
	}})
}

// done leads to a page that says what a form has done. Loading that page again does not send the form again.
func done(w http.ResponseWriter, r *http.Request, to, what string) {
	http.Redirect(w, r, to+"?done="+url.QueryEscape(what), http.StatusSeeOther)
}

// notice is the text for what done was told. Other texts in an address say nothing.
func notice(what string) string {
	switch what {
	case "created":
		return "The product is created, and a mail was sent."
	case "price":
		return "The price is changed. If it is lower than before, a mail was sent."
	case "picture":
		return "The picture is changed, and the file of the old one is removed."
	case "deleted":
		return "The product is deleted, and the files of its pictures are removed."
	case "category":
		return "All products of the category are deleted, and the files of their pictures are removed."
	case "user":
		return "From now on your views are recorded under this name."
	default:
		return ""
	}
}

// editPath is the page where a product is changed.
func editPath(id uint) string { return "/products/" + strconv.FormatUint(uint64(id), 10) + "/edit" }

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(style)
}
