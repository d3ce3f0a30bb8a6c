package api

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/scalestack/scalestack/services/users/internal/assets"
)

//go:embed pages/home.html
var homeSource string

// homePolicy lets the page load nothing but this service's files.
const homePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// homePage is the page at "/", which refers to this release's files.
func homePage(a *assets.Assets, access Access) []byte {
	var page bytes.Buffer
	parsed := template.Must(template.New("home").Funcs(template.FuncMap{"asset": a.Immutable}).Parse(homeSource))
	if err := parsed.Execute(&page, access); err != nil {
		panic(err) // The page and its files are part of the binary.
	}
	return page.Bytes()
}

// home answers with a page of forms for the API. It says nothing that the API would
// not, so that everybody may have it.
func (a *API) home(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", homePolicy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	// The client has gone when this fails; there is nobody left to tell.
	_, _ = w.Write(a.page)
}
