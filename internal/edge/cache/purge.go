package cache

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/policy"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// Purge says what to drop, in the form of Cloudflare's API (page "Purge
// cache"). One field is set.
type Purge struct {
	Everything bool     `json:"purge_everything,omitempty"`
	Files      []string `json:"files,omitempty"`
	Prefixes   []string `json:"prefixes,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Hosts      []string `json:"hosts,omitempty"`
}

// maxPurge is how many names the API takes in one call.
const maxPurge = 30

// Purge drops objects and returns how many there were. The next request for
// each is a MISS.
func (e *Edge) Purge(p Purge) (int, error) {
	matches, err := p.matcher(e.Rules().Normalization)
	if err != nil {
		return 0, err
	}
	return e.store.purge(matches), nil
}

func (p Purge) matcher(n rules.Normalization) (func(*entry) bool, error) {
	given := 0
	for _, names := range [][]string{p.Files, p.Prefixes, p.Tags, p.Hosts} {
		if len(names) > maxPurge {
			return nil, fmt.Errorf("%d names given, one call takes %d", len(names), maxPurge)
		}
		if len(names) > 0 {
			given++
		}
	}
	if p.Everything {
		given++
	}
	if given != 1 {
		return nil, fmt.Errorf("exactly one of purge_everything, files, prefixes, tags and hosts is required")
	}
	switch {
	case len(p.Files) > 0:
		return fileMatcher(p.Files, n)
	case len(p.Prefixes) > 0:
		return prefixMatcher(p.Prefixes, n)
	case len(p.Tags) > 0:
		tags := lowerAll(p.Tags)
		return func(n *entry) bool {
			return slices.ContainsFunc(n.tags, func(t string) bool { return slices.Contains(tags, t) })
		}, nil
	case len(p.Hosts) > 0:
		hosts := lowerAll(p.Hosts)
		return func(n *entry) bool { return slices.Contains(hosts, n.host) }, nil
	}
	return func(*entry) bool { return true }, nil
}

func lowerAll(names []string) []string {
	changed := make([]string, len(names))
	for i, n := range names {
		changed[i] = strings.ToLower(strings.TrimSpace(n))
	}
	return changed
}

// fileMatcher compares whole URLs; the path is normalized as a visitor's is.
func fileMatcher(files []string, n rules.Normalization) (func(*entry) bool, error) {
	var all []*url.URL
	for _, f := range files {
		u, err := url.Parse(f)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%q is not a URL such as https://www.example.com/static/app.js", f)
		}
		u.Path = policy.NormalizePath(u.EscapedPath(), n)
		all = append(all, u)
	}
	return func(n *entry) bool {
		return slices.ContainsFunc(all, func(u *url.URL) bool {
			return strings.EqualFold(u.Host, n.host) && u.Path == n.path && (n.anyQuery || u.RawQuery == n.query)
		})
	}, nil
}

// prefixMatcher compares host and path, at a boundary of folders: the page
// "Purge cache by prefix" says that a prefix purges a directory.
func prefixMatcher(prefixes []string, n rules.Normalization) (func(*entry) bool, error) {
	type folder struct{ host, path string }
	var all []folder
	for _, p := range prefixes {
		if strings.ContainsAny(p, "?#") || strings.Contains(p, "://") || p == "" {
			return nil, fmt.Errorf("%q is not a prefix such as www.example.com/static", p)
		}
		host, path, _ := strings.Cut(p, "/")
		all = append(all, folder{strings.ToLower(host), strings.TrimSuffix(policy.NormalizePath("/"+path, n), "/")})
	}
	return func(n *entry) bool {
		return slices.ContainsFunc(all, func(f folder) bool {
			rest, below := strings.CutPrefix(n.path, f.path)
			return n.host == f.host && below && (rest == "" || rest[0] == '/')
		})
	}, nil
}

// Admin answers on the port that only this machine reaches:
//
//	GET  /__edge/ready   200 when ready says nothing against it
//	GET  /__edge/answers numbers of answers by cache status, in JSON
//	POST /__edge/purge   a Purge in JSON, as Cloudflare's API takes it
//	POST /client/v4/zones/{zone}/purge_cache   the same, at the API's own path
//	POST /client/v4/graphql   what was answered in the last quarter of an hour, to edge watch
func (e *Edge) Admin(ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /__edge/ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		entries, bytes := e.store.size()
		fmt.Fprintf(w, "%s: %d objects, %d bytes, %d rules\n", Server, entries, bytes, e.Rules().Count())
	})
	mux.HandleFunc("GET /__edge/answers", e.handleAnswers)
	mux.HandleFunc("POST /__edge/purge", e.handlePurge)
	mux.HandleFunc("POST /client/v4/zones/{zone}/purge_cache", e.handlePurge)
	mux.HandleFunc("POST /client/v4/graphql", e.handleGraphQL)
	return mux
}

func (e *Edge) handlePurge(w http.ResponseWriter, r *http.Request) {
	var p Purge
	strict := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	strict.DisallowUnknownFields()
	err := strict.Decode(&p)
	purged := 0
	if err == nil {
		purged, err = e.Purge(p)
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]any{"success": false, "errors": []any{map[string]any{"message": err.Error()}}})
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"success": true, "errors": []any{}, "result": map[string]any{"purged": purged}})
}
