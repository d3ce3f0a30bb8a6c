package cache

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/scalestack/scalestack/internal/edge/policy"
)

// originTimeout is how long the origin may take to begin an answer, and
// fetchTimeout for all of one that is kept.
const (
	originTimeout = 100 * time.Second
	fetchTimeout  = 10 * time.Minute
)

// toOrigin points a request at the origin, with the URL as the visitor wrote
// it unless the zone normalizes it.
func (e *Edge) toOrigin(out, in *http.Request) {
	zone := e.Rules()
	request := policy.FromHTTP(zone, in, e.Scheme)
	path := policy.OriginPath(zone, request)
	out.Host = in.Host
	out.URL = &url.URL{Scheme: e.Origin.Scheme, Host: e.Origin.Host, Opaque: path, RawQuery: request.RawQuery}
	if strings.HasPrefix(path, "//") {
		// Two slashes would read as a host: the absolute form says the same.
		out.URL.Opaque = "//" + in.Host + path
	}
	visitor, _, _ := net.SplitHostPort(in.RemoteAddr)
	out.Header.Set("Cf-Connecting-Ip", visitor)
	out.Header.Set("X-Forwarded-For", strings.Join(append(in.Header.Values("X-Forwarded-For"), visitor), ", "))
	out.Header.Set("X-Forwarded-Proto", e.Scheme)
	out.Header.Set("Cdn-Loop", Server)
}

// fetch asks the origin for the whole object, or, if an old copy is given,
// whether that is still good.
func (x *exchange) fetch(old *entry) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.in.Context()), fetchTimeout)
	out := (&http.Request{Method: http.MethodGet, Header: x.in.Header.Clone(), ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	removeHopByHop(out.Header)
	for _, name := range []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		out.Header.Del(name)
	}
	out.Header.Set("Accept-Encoding", "gzip")
	x.edge.toOrigin(out, x.in)
	old.ask(out.Header)
	response, err := x.edge.Transport.RoundTrip(out)
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = &closer{ReadCloser: response.Body, cancel: cancel}
	removeHopByHop(response.Header)
	return response, nil
}

// closer ends the request's context with its body.
type closer struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *closer) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}

// removeHopByHop deletes what belongs to one connection (RFC 9110, section
// 7.6.1).
func removeHopByHop(header http.Header) {
	for _, list := range header.Values("Connection") {
		for name := range strings.SplitSeq(list, ",") {
			header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		header.Del(name)
	}
}

// removeOwn deletes from an answer of the origin what is the edge's to say or
// for the edge alone (pages "Purge cache by cache-tags", "CDN-Cache-Control").
func removeOwn(header http.Header) {
	for _, name := range []string{"Server", statusHeader, ruleHeader, reasonHeader, "Cache-Tag", "Cloudflare-Cdn-Cache-Control"} {
		header.Del(name)
	}
}
