package expression

import (
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// Request is what a rule looks at.
type Request struct {
	Method, Scheme, Host string
	// Path and Query are the URL after Cloudflare's normalization, which is what
	// the fields http.request.uri… hold.
	Path, Query string
	// RawPath and RawQuery are the URL as the visitor sent it, for raw.… fields.
	RawPath, RawQuery string
	Header            http.Header
	Source            netip.Addr
}

func withQuery(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// URI is the path with the query string.
func (r *Request) URI() string { return withQuery(r.Path, r.Query) }

// FullURI is the whole URL.
func (r *Request) FullURI() string { return r.Scheme + "://" + r.Host + r.URI() }

// Extension is what follows the last dot of the last segment, in lower case;
// a leading dot makes a hidden file and no extension.
func (r *Request) Extension() string {
	segment := r.Path[strings.LastIndexByte(r.Path, '/')+1:]
	dot := strings.LastIndexByte(segment, '.')
	if dot <= 0 {
		return ""
	}
	return lower(path.Ext(segment)[1:])
}

func (r *Request) header(name string) (string, bool) {
	values := r.Header[http.CanonicalHeaderKey(name)]
	return strings.Join(values, ", "), len(values) > 0
}

// headers returns the values of a name, which rules write in lower case.
func (r *Request) headers(name string) []string {
	if name != lower(name) {
		return nil
	}
	return r.Header[http.CanonicalHeaderKey(name)]
}

func (r *Request) headerMap() map[string][]string {
	found := make(map[string][]string, len(r.Header))
	for name, values := range r.Header {
		found[lower(name)] = values
	}
	return found
}

func (r *Request) cookies() map[string][]string {
	found := map[string][]string{}
	for _, c := range (&http.Request{Header: r.Header}).Cookies() {
		found[c.Name] = append(found[c.Name], c.Value)
	}
	return found
}

// arguments keeps what cannot be decoded as it is.
func (r *Request) arguments() map[string][]string {
	found := map[string][]string{}
	for pair := range strings.SplitSeq(r.Query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		found[decoded(name)] = append(found[decoded(name)], decoded(value))
	}
	return found
}

func decoded(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// lower changes ASCII letters only, as the language's function does.
func lower(s string) string { return mapASCII(s, 'A', 'Z') }

func upper(s string) string { return mapASCII(s, 'a', 'z') }

func mapASCII(s string, first, last byte) string {
	for i := 0; i < len(s); i++ {
		if first <= s[i] && s[i] <= last {
			return flipCase(s, i, first, last)
		}
	}
	return s
}

func flipCase(s string, from int, first, last byte) string {
	flipped := []byte(s)
	for i := from; i < len(flipped); i++ {
		if first <= flipped[i] && flipped[i] <= last {
			flipped[i] ^= 'a' - 'A'
		}
	}
	return string(flipped)
}
