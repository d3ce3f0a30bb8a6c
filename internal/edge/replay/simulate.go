package replay

import (
	"net/http"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/scalestack/scalestack/internal/edge/policy"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// Options are what a log does not say.
type Options struct {
	Rules *rules.Rules
	// Host and Scheme of every request, for rules that look at them.
	Host, Scheme string
	// CacheControl is the origin's header on every response; "" is none.
	CacheControl string
	// Objects is how many the edge keeps. Default: a million, which bounds the
	// memory of the replay too.
	Objects int
	// WarmUp is how long the log fills the empty cache before it is counted.
	WarmUp time.Duration
}

// object is what the simulated edge keeps of a response.
type object struct {
	stored  time.Time
	verdict policy.Verdict
	status  int
	bytes   int64
}

// Simulation is an edge without bodies.
type Simulation struct {
	options Options
	origin  http.Header
	objects *simplelru.LRU[string, *object]
	now     time.Time
	// counted is when counting begins.
	counted time.Time
	Report  *Report
}

// New starts with an empty cache.
func New(o Options) *Simulation {
	if o.Objects <= 0 {
		o.Objects = 1_000_000
	}
	s := &Simulation{options: o, origin: http.Header{}, Report: newReport(o)}
	if o.CacheControl != "" {
		s.origin.Set("Cache-Control", o.CacheControl)
	}
	s.objects, _ = simplelru.NewLRU[string, *object](o.Objects, nil)
	return s
}

// Add replays one request.
func (s *Simulation) Add(l Line) {
	if s.counted.IsZero() {
		s.counted = l.Time.Add(s.options.WarmUp)
	}
	// Servers write a line when a request ends, so that times may step back.
	if l.Time.After(s.now) {
		s.now = l.Time
	}
	request := policy.NewRequest(s.options.Rules, l.Method, s.options.Scheme, s.options.Host, l.Target, l.header(), l.Visitor)
	settings := s.options.Rules.Evaluate(request)
	entry := record{line: l, time: s.now, rule: ruleName(&settings, policy.Static(request)), status: policy.Dynamic}
	entry.static = settings.CachedBy != "" || policy.Static(request)
	if eligible, _ := policy.Eligible(request, &settings); eligible {
		key := policy.Key(request, &settings)
		found, _ := s.objects.Get(key)
		entry.status = s.status(found)
		if entry.status.FromCache() {
			entry.age, entry.differs = s.now.Sub(found.stored), found.differs(l)
		}
		if !entry.status.FromCache() || entry.status == policy.Updating {
			verdict := policy.Judge(request, &settings, wholeStatus(l.Status), s.origin, s.now)
			s.keep(key, found, l, verdict)
			if !verdict.Store {
				entry.status = verdict.Status
			}
		}
	}
	if !s.now.Before(s.counted) {
		s.Report.add(&entry)
	}
}

// status is what the edge would answer before it asks the origin.
func (s *Simulation) status(found *object) policy.Status {
	if found == nil {
		return policy.Miss
	}
	age := s.now.Sub(found.stored)
	switch {
	case age < found.verdict.Fresh:
		return policy.Hit
	case age < found.verdict.Fresh+found.verdict.WhileRevalidating:
		return policy.Updating
	}
	return policy.Expired
}

func (s *Simulation) keep(key string, old *object, l Line, verdict policy.Verdict) {
	if !verdict.Store {
		s.objects.Remove(key)
		return
	}
	fresh := &object{stored: s.now, verdict: verdict, status: wholeStatus(l.Status), bytes: l.Bytes}
	// The log does not hold the size of what was not sent, or only in part.
	if l.Status != fresh.status || l.Method == http.MethodHead {
		fresh.bytes = 0
		if old != nil {
			fresh.bytes = old.bytes
		}
	}
	s.objects.Add(key, fresh)
}

// wholeStatus is what the origin would have told an edge, which asks for the
// whole object and without a condition.
func wholeStatus(status int) int {
	if status == http.StatusNotModified || status == http.StatusPartialContent {
		return http.StatusOK
	}
	return status
}

// differs tells whether the log shows that the origin had something else by
// then: another size or another kind of answer.
func (o *object) differs(l Line) bool {
	switch {
	case l.Status != wholeStatus(l.Status) || l.Status >= 500 || l.Method == http.MethodHead:
		return false
	case l.Status != o.status:
		return true
	}
	return o.bytes > 0 && l.Bytes != o.bytes
}

func (l *Line) header() http.Header {
	header := http.Header{}
	if l.User != "-" && l.User != "" {
		header["Authorization"] = []string{"Basic"}
	}
	if l.Agent != "" && l.Agent != "-" {
		header["User-Agent"] = []string{l.Agent}
	}
	if l.Referer != "" && l.Referer != "-" {
		header["Referer"] = []string{l.Referer}
	}
	return header
}

func ruleName(s *rules.Settings, static bool) string {
	switch {
	case s.Ref != "":
		return s.Ref
	case static:
		return "(default extensions)"
	}
	return "(no rule)"
}
