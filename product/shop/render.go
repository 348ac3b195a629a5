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

// page is the data of every template.
type page struct {
	Title   string
	Section string // path of the current part of the navigation
	User    string
	Notice  string // result of the last form
	Body    any
}

// parsePages parses each template together with the layout.
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

// render answers with a page. It executes the whole template first, so that an error gives an error page and not half a page.
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
	_, _ = w.Write(b.Bytes()) // the client may have left
}

// problem is the body of an error page.
type problem struct{ What, Cure string }

// fail answers with an error page for err, and logs errors of the server.
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

// badForm answers a form that was not sent completely, or that the shop has not made.
func (s *shop) badForm(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusBadRequest, "error.html", page{Title: "The form did not arrive", Body: problem{
		What: "The shop could not read what was sent, and nothing was changed.",
		Cure: "Go back and send the form once more.",
	}})
}

// denied answers a form that was sent from a foreign page.
func (s *shop) denied(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusForbidden, "error.html", page{Title: "Not from there", Body: problem{
		What: "This was sent by a page that is not the shop's, and nothing was changed.",
		Cure: "Open the shop itself and use its own forms.",
	}})
}

// done redirects to a page that says what a form has done. Reloading that page does not send the form again.
func done(w http.ResponseWriter, r *http.Request, to, what string) {
	http.Redirect(w, r, to+"?done="+url.QueryEscape(what), http.StatusSeeOther)
}

// notice returns the text for a result of done. It ignores unknown values in an address.
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

// editPath returns the path of the page that changes a product.
func editPath(id uint) string { return "/products/" + strconv.FormatUint(uint64(id), 10) + "/edit" }

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(style)
}
