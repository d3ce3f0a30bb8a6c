// Package cache is a local edge: an HTTP cache in front of an origin that applies cache
// rules and rate limits as Cloudflare's edge does. Packages policy and rate decide;
// this package fetches, stores and serves.
//
// One edge in one process stands for one data centre. It keeps its objects in memory
// and loses them when it stops.
package cache

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/scalestack/scalestack/internal/edge/policy"
	"github.com/scalestack/scalestack/internal/edge/rate"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// Server is what the edge calls itself in every answer.
const Server = "scalestack-edge"

// The headers that the edge adds. The last two are its own and explain the
// decision to a person.
const (
	statusHeader = "Cf-Cache-Status"
	ruleHeader   = "X-Edge-Rule"
	reasonHeader = "X-Edge-Reason"
)

// Options say what the edge stands in front of.
type Options struct {
	// Origin is the app's base URL; its path is not used.
	Origin *url.URL
	// Rules returns the rules in force.
	Rules func() *rules.Rules
	// Scheme is the one that visitors are taken to use: http (default) or https.
	Scheme string
	// Capacity is the memory for all bodies and MaxObject for one, in bytes.
	// Defaults: 256 MiB and 32 MiB.
	Capacity, MaxObject int64
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Transport reaches the origin. Default: a new one.
	Transport http.RoundTripper
}

// Edge is the cache. It is a http.Handler.
type Edge struct {
	Options
	store   *store
	rate    *rate.Counter
	answers answers
	flights singleflight.Group
	proxy   *httputil.ReverseProxy
}

// New makes an empty cache.
func New(o Options) *Edge {
	if o.Scheme == "" {
		o.Scheme = "http"
	}
	if o.Capacity == 0 {
		o.Capacity = 256 << 20
	}
	if o.MaxObject == 0 {
		o.MaxObject = 32 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	e := &Edge{Options: o, store: newStore(o.Capacity), rate: rate.New(), answers: answers{byStatus: map[string]int64{}}}
	e.proxy = e.newProxy()
	return e
}

// newTransport asks for and leaves compression as each request says.
func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.DisableCompression = true
	t.MaxIdleConnsPerHost = 64
	t.ResponseHeaderTimeout = originTimeout
	return t
}

// ServeHTTP answers one visitor.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.serve(w, r)
	e.answers.count(w.Header(), r.URL.Path, e.Now)
}

func (e *Edge) serve(w http.ResponseWriter, r *http.Request) {
	zone := e.Rules()
	request := policy.FromHTTP(zone, r, e.Scheme)
	w.Header().Set("Server", Server)
	if by, wait := e.rate.Blocked(zone.Limits, request, request.Source.String(), e.Now()); by != nil {
		block(w, by, wait)
		return
	}
	settings := zone.Evaluate(request)
	if settings.Ref != "" {
		w.Header().Set(ruleHeader, settings.Ref)
	}
	eligible, reason := policy.Eligible(request, &settings)
	switch {
	case !eligible:
		e.forward(w, r, reason)
	case r.ContentLength != 0 || r.Header.Get("Upgrade") != "":
		e.forward(w, r, "the request has a body or wants another protocol")
	default:
		x := &exchange{
			edge: e, in: r, request: request, settings: &settings,
			key: policy.Key(request, &settings),
		}
		x.serve(w)
	}
}

// block answers for the origin, whether or not the cache has what was asked for. The
// status is the documented default and 1015 Cloudflare's own number for it.
func block(w http.ResponseWriter, by *rules.Limit, wait time.Duration) {
	h := w.Header()
	h.Set(ruleHeader, by.Ref)
	h.Set(reasonHeader, fmt.Sprintf("more than %d requests in %s", by.Requests, by.Period))
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	h.Set("Cache-Control", "private, no-store")
	http.Error(w, "The local edge blocks this address for a while: too many requests (error code: 1015).", http.StatusTooManyRequests)
}

// forward passes on what the cache has no part in.
func (e *Edge) forward(w http.ResponseWriter, r *http.Request, reason string) {
	w.Header().Set(statusHeader, string(policy.Dynamic))
	w.Header().Set(reasonHeader, reason)
	e.proxy.ServeHTTP(w, r)
}

func (e *Edge) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: e.Transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			// The library drops these two; Cloudflare passes them on.
			for _, name := range []string{"Forwarded", "X-Forwarded-Host"} {
				if values, sent := p.In.Header[name]; sent {
					p.Out.Header[name] = values
				}
			}
			e.toOrigin(p.Out, p.In)
		},
		ModifyResponse: func(response *http.Response) error {
			removeOwn(response.Header)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { e.unreachable(w, err) },
	}
}

// unreachable is what a visitor gets when the origin does not answer.
func (e *Edge) unreachable(w http.ResponseWriter, err error) {
	slog.Warn("the origin did not answer", "error", err)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "The local edge cannot reach the origin.", http.StatusBadGateway)
}
