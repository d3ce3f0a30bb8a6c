// Package verify compares an origin's headers with cache rules: what will not be cached
// and why, what will be cached although the origin did not mean it to be, and which
// settings would cache more.
package verify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/policy"
	"github.com/scalestack/scalestack/internal/edge/replay"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// Options say what is compared.
type Options struct {
	Rules  *rules.Rules
	Origin *url.URL
	// Host and Scheme are those that visitors use. Default: the origin's.
	Host, Scheme string
	Client       *http.Client
}

// Finding is what holds for one path.
type Finding struct {
	Path   string
	Status int
	// Rule decided, or "".
	Rule string
	// Cached says whether the edge keeps the answer; Reason why not.
	Cached bool
	Reason string
	Edge   time.Duration
	// Browser is the Cache-Control that visitors get.
	Browser string
	// Wrong are contradictions between rule and origin, Hints what could be
	// better.
	Wrong, Hints []string
}

// Failed reports whether the path is not what its rule says it is.
func (f *Finding) Failed() bool { return len(f.Wrong) > 0 }

// Result is what holds for all paths.
type Result struct {
	Findings []Finding
	// Ratio is the share that the edge would answer if each path were asked for once an
	// hour for a day, and Advice what would raise it most.
	Ratio  float64
	Advice []replay.Advice
}

// Check asks the origin for each path once, and once more whether it knows its
// own validator.
func Check(ctx context.Context, o Options, paths []string) (*Result, error) {
	if o.Client == nil {
		o.Client = &http.Client{
			Timeout: 30 * time.Second,
			// An edge keeps a redirect and does not follow it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if o.Host == "" {
		o.Host = o.Origin.Host
	}
	if o.Scheme == "" {
		o.Scheme = o.Origin.Scheme
	}
	result, sent := &Result{}, make([]http.Header, len(paths))
	for i, path := range paths {
		f, header, err := o.check(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		result.Findings, sent[i] = append(result.Findings, f), header
	}
	result.advise(o, sent)
	return result, nil
}

// advise replays a day in which each path is asked for once an hour, with the headers
// that the origin sent.
func (r *Result) advise(o Options, sent []http.Header) {
	const hours, settings = 24, 3
	advisor := replay.NewAdvisor(replay.Options{Rules: o.Rules, Host: o.Host, Scheme: o.Scheme})
	for hour := range hours {
		for i, f := range r.Findings {
			advisor.AddFrom(replay.Line{
				Time: time.Unix(0, 0).Add(time.Duration(hour) * time.Hour), Client: fmt.Sprint(hour, i), Method: http.MethodGet, Target: f.Path, Status: f.Status,
			}, sent[i])
		}
	}
	r.Ratio, r.Advice = advisor.Report.All.Ratio(), advisor.Best(settings)
}

// check returns the origin's headers too, as it sent them.
func (o *Options) check(ctx context.Context, path string) (Finding, http.Header, error) {
	request := policy.NewRequest(o.Rules, http.MethodGet, o.Scheme, o.Host, path, http.Header{}, netip.Addr{})
	settings := o.Rules.Evaluate(request)
	f := Finding{Path: path, Rule: settings.Ref}
	target := policy.OriginTarget(o.Rules, request)
	status, header, err := o.get(ctx, target, "")
	if err != nil {
		return f, nil, err
	}
	sent := header.Clone()
	f.Status, f.Browser = status, header.Get("Cache-Control")
	eligible, reason := policy.Eligible(request, &settings)
	if !eligible {
		f.Reason = reason
		return f, sent, nil
	}
	v := policy.Judge(request, &settings, status, header, time.Now())
	f.Cached, f.Reason, f.Edge = v.Store, v.Reason, v.Fresh
	f.contradict(&settings, header, v)
	f.hint(request, &settings, header)
	if tag := header.Get("Etag"); f.Cached && tag != "" {
		if again, _, err := o.get(ctx, target, tag); err == nil && again != http.StatusNotModified {
			f.Hints = append(f.Hints, fmt.Sprintf("answers its own ETag with %d and not with 304: each revalidation transfers it whole", again))
		}
	}
	if f.Cached {
		policy.SetBrowserTTL(header, &settings)
		f.Browser = header.Get("Cache-Control")
	}
	return f, sent, nil
}

// get asks as an edge does and leaves the body.
func (o *Options) get(ctx context.Context, target, tag string) (int, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(o.Origin.String(), "/")+target, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Host = o.Host
	request.Header.Set("Accept-Encoding", "gzip")
	request.Header.Set("User-Agent", "scalestack verify-origin")
	if tag != "" {
		request.Header.Set("If-None-Match", tag)
	}
	response, err := o.Client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	io.CopyN(io.Discard, response.Body, 64<<10)
	return response.StatusCode, response.Header, nil
}

// contradict finds where rule and origin do not mean the same.
func (f *Finding) contradict(s *rules.Settings, header http.Header, v policy.Verdict) {
	wrong := func(format string, args ...any) { f.Wrong = append(f.Wrong, fmt.Sprintf(format, args...)) }
	if s.Eligibility == rules.Eligible && !v.Store {
		wrong("rule %s caches the path, but nothing will be kept: %s", s.Ref, v.Reason)
	}
	control := strings.ToLower(strings.Join(header.Values("Cache-Control"), ","))
	for _, directive := range []string{"no-store", "private", "no-cache"} {
		if v.Store && v.Explicit && strings.Contains(control, directive) {
			wrong("the origin says %s and the rule's edge TTL overrides it", directive)
		}
	}
	if v.Store && header.Get("Set-Cookie") != "" {
		wrong("the origin sets a cookie, which the edge strips to cache the rest")
	}
	if v.Store && f.Status >= 400 && v.Explicit {
		wrong("status %d is kept for %s", f.Status, v.Fresh)
	}
}

// hashed finds a name that changes with its content.
var hashed = regexp.MustCompile(`[.-][0-9a-fA-F]{8,}\.[a-z0-9]+$|[.-][A-Za-z0-9_-]{8}\.(js|css)$`)

func (f *Finding) hint(r *expression.Request, s *rules.Settings, header http.Header) {
	hint := func(format string, args ...any) { f.Hints = append(f.Hints, fmt.Sprintf(format, args...)) }
	if !f.Cached {
		return
	}
	immutable := strings.Contains(header.Get("Cache-Control"), "immutable")
	named := hashed.MatchString(r.Path)
	switch {
	case named && !immutable:
		hint("the name has a hash: Cache-Control: public, max-age=31536000, immutable would save browsers their questions")
	case immutable && !named:
		hint("immutable without a hash in the name: browsers never ask again, whatever changes")
	}
	if header.Get("Etag") == "" && header.Get("Last-Modified") == "" {
		hint("neither ETag nor Last-Modified: after its time the edge transfers it whole")
	}
	for name := range strings.SplitSeq(strings.Join(header.Values("Vary"), ","), ",") {
		if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "Accept-Encoding") {
			hint("Vary: %s is ignored, all visitors get one answer", name)
		}
	}
	if reason := policy.Mismatch(r.Extension(), header.Get("Content-Type")); reason != "" {
		hint("%s: is this the page for a missing file?", reason)
	}
	if s.Eligibility == rules.ByDefault {
		hint("cached by its extension, no rule names it")
	}
}
