package inspector

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"html/template"
	"net/http"
	"path"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"round": round,
		"short": short,
		"css":   func() template.CSS { return template.CSS(pageCSS) },
		"js":    func() template.JS { return template.JS(pageJS) }, //nolint:gosec // It is a file of this package.
	}).Parse(pageHTML))

	// policy allows only the scripts and styles of the page itself.
	policy = "default-src 'none'; style-src " + hashOf(pageCSS) + "; script-src " + hashOf(pageJS) +
		"; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Handler begins to record and returns the handler of a database's page. It serves the page at a path that ends with a slash, the page as text under
// "text", and the stream of events under "events". It changes nothing and answers GET and HEAD only.
//
// Handler panics if the database has no plugin, or if its plugin has no observer; the text names the cure.
func (i *Inspector) Handler(db *gorm.DB) http.Handler {
	plugin, there := pluginOf(db)
	if !there {
		panic("inspector: the plugin is not installed on this database: call db.Use(signals.Plugin{Observer: ins}) after gorm.Open")
	}
	if p, ok := plugin.(signals.Plugin); ok && p.Observer == nil {
		panic("inspector: the plugin of this database has no observer: call db.Use(signals.Plugin{Observer: ins})")
	}
	i.Start()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", policy)
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		if i.refuse(w, r) {
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		i.serve(db, w, r)
	})
}

// withoutSlash reports whether a request for the page itself lacks the final slash that relative links need. With [http.StripPrefix] the path is then
// empty. With a pattern of [http.ServeMux] the page was mounted at exactly this path. Other routers set no pattern and pass on the path that they
// matched; a last part with a dot is then a file that a browser asks for by itself.
func withoutSlash(r *http.Request, last string) bool {
	if r.URL.Path == "" {
		asked, _, _ := strings.Cut(r.RequestURI, "?")
		return !strings.HasSuffix(asked, "/")
	}
	_, file, _ := strings.Cut(r.Pattern, "/")
	switch {
	case last == "" || last == "text" || last == "events":
		return false
	case r.Pattern == "":
		return !strings.Contains(last, ".")
	}
	return file != "" && !strings.HasSuffix(file, "/") && !strings.HasSuffix(file, "...}") && !strings.HasSuffix(file, "*")
}

// serve looks only at the end of the path, so that it need not know the prefix.
func (i *Inspector) serve(db *gorm.DB, w http.ResponseWriter, r *http.Request) {
	var out bytes.Buffer
	_, last := path.Split(r.URL.Path)
	switch {
	case withoutSlash(r, last):
		asked, query, _ := strings.Cut(cmp.Or(r.RequestURI, r.URL.RequestURI()), "?")
		if query != "" {
			query = "?" + query
		}
		w.Header().Set("Location", "./"+path.Base(asked)+"/"+query)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	case last == "":
		i.looked.Store(max(1, int64(i.now())))
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := page.Execute(&out, i.report(db)); err != nil {
			http.Error(w, "the page cannot be made", http.StatusInternalServerError)
			return
		}
	case last == "text":
		i.looked.Store(max(1, int64(i.now())))
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := i.Explain(&out, db); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	case last == "events":
		if r.Method == http.MethodGet {
			i.stream(w, r)
		}
		return
	default:
		http.NotFound(w, r)
		return
	}
	_, _ = out.WriteTo(w) // the client may be gone
}
