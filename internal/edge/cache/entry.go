package cache

import (
	"net/http"
	"strings"
	"time"

	"github.com/scalestack/scalestack/internal/edge/policy"
)

// entry is a kept response. It never changes: a revalidated one is a new one.
type entry struct {
	key string
	// host, path and query are those of the request that it answers; anyQuery
	// says that the query is no part of the key.
	host, path, query string
	anyQuery          bool
	tags              []string

	status int
	header http.Header
	body   []byte
	stored time.Time
	policy.Verdict
}

func (x *exchange) newEntry(response *http.Response, body []byte, v policy.Verdict) *entry {
	n := &entry{
		key: x.key, host: x.request.Host, path: x.request.Path, query: x.request.Query,
		anyQuery: policy.IgnoresQuery(x.request, x.settings),
		tags:     tagsOf(response.Header),
		status:   response.StatusCode, header: response.Header.Clone(), body: body,
		stored: x.edge.Now(), Verdict: v,
	}
	for _, name := range append([]string{"Content-Length", "Age"}, v.Drop...) {
		n.header.Del(name)
	}
	removeOwn(n.header)
	return n
}

// renewed is the entry after the origin said that it is still good: the
// headers of a 304 replace the kept ones (RFC 9111, section 3.2).
func (n *entry) renewed(header http.Header, v policy.Verdict, now time.Time) *entry {
	fresh := *n
	fresh.header, fresh.Verdict, fresh.stored = n.merged(header), v, now
	for _, name := range v.Drop {
		fresh.header.Del(name)
	}
	if header.Get("Cache-Tag") != "" {
		fresh.tags = tagsOf(header)
	}
	removeOwn(fresh.header)
	return &fresh
}

func (n *entry) merged(header http.Header) http.Header {
	merged := n.header.Clone()
	for name, values := range header {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Range", "Content-Type", "Age":
		default:
			merged[name] = values
		}
	}
	return merged
}

// ask makes a request conditional.
func (n *entry) ask(header http.Header) {
	if n == nil {
		return
	}
	if tag := n.header.Get("Etag"); tag != "" {
		header.Set("If-None-Match", tag)
	}
	if modified := n.header.Get("Last-Modified"); modified != "" {
		header.Set("If-Modified-Since", modified)
	}
}

func (n *entry) age(now time.Time) time.Duration { return max(0, now.Sub(n.stored)) }

// usable reports whether a response that is stale may still be served within a
// limit.
func (n *entry) usable(now time.Time, limit time.Duration) bool {
	return limit == policy.Forever || limit > 0 && n.age(now) < n.Fresh+limit
}

// size is what the entry costs in memory, roughly.
func (n *entry) size() int64 {
	size := len(n.body) + len(n.key) + len(n.path) + len(n.query) + 512
	for name, values := range n.header {
		size += len(name) + len(strings.Join(values, ""))
	}
	return int64(size)
}

// tagsOf reads Cache-Tag: case does not matter and neither do spaces.
func tagsOf(header http.Header) []string {
	var tags []string
	for _, list := range header.Values("Cache-Tag") {
		for tag := range strings.SplitSeq(list, ",") {
			if tag = strings.ToLower(strings.TrimSpace(tag)); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}
