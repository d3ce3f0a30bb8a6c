package replay

import (
	"net/http"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/policy"
	"github.com/scalestack/scalestack/internal/edge/rate"
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
	rate    *rate.Counter
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
	s := &Simulation{options: o, origin: http.Header{}, rate: rate.New(), Report: newReport(o)}
	if o.CacheControl != "" {
		s.origin.Set("Cache-Control", o.CacheControl)
	}
	s.objects, _ = simplelru.NewLRU[string, *object](o.Objects, nil)
	return s
}

// Add replays one request, with the headers that the options assume of the origin.
func (s *Simulation) Add(l Line) { s.AddFrom(l, s.origin) }

// AddFrom replays one request that the origin answers with these headers.
func (s *Simulation) AddFrom(l Line, origin http.Header) { s.replay(l, origin) }

// replayed is what became of one request.
type replayed struct {
	record
	request  *expression.Request
	settings rules.Settings
	// blocked requests went no further; counted ones come after the warm-up.
	blocked, counted bool
}

func (s *Simulation) replay(l Line, origin http.Header) replayed {
	s.clock(l.Time)
	r := replayed{
		request: policy.NewRequest(s.options.Rules, l.Method, s.options.Scheme, s.options.Host, l.Target, l.header(), l.Visitor),
		counted: !s.now.Before(s.counted),
	}
	if r.blocked = s.blocked(l, r.request); r.blocked {
		return r
	}
	r.settings = s.options.Rules.Evaluate(r.request)
	r.record = s.answer(l, r.request, &r.settings, origin)
	if r.counted {
		s.Report.add(&r.record)
	}
	return r
}

// clock moves on. Servers write a line when a request ends, so that times may step
// back.
func (s *Simulation) clock(at time.Time) {
	if s.counted.IsZero() {
		s.counted = at.Add(s.options.WarmUp)
	}
	if at.After(s.now) {
		s.now = at
	}
}

// blocked counts what a rate limit ends before the cache is asked.
func (s *Simulation) blocked(l Line, request *expression.Request) bool {
	by, _ := s.rate.Blocked(s.options.Rules.Limits, request, l.Client, s.now)
	if by != nil && !s.now.Before(s.counted) {
		s.Report.Blocked++
	}
	return by != nil
}

// answer is what the edge makes of a request.
func (s *Simulation) answer(l Line, request *expression.Request, settings *rules.Settings, origin http.Header) record {
	entry := record{line: l, time: s.now, rule: ruleName(settings, policy.Static(request)), status: policy.Dynamic}
	entry.static = settings.CachedBy != "" || policy.Static(request)
	if eligible, _ := policy.Eligible(request, settings); !eligible {
		return entry
	}
	key := policy.Key(request, settings)
	found, _ := s.objects.Get(key)
	entry.status = s.status(found)
	if entry.status.FromCache() {
		entry.age, entry.differs = s.now.Sub(found.stored), found.differs(l)
	}
	if !entry.status.FromCache() || entry.status == policy.Updating {
		verdict := policy.Judge(request, settings, wholeStatus(l.Status), origin, s.now)
		s.keep(key, found, l, verdict)
		if !verdict.Store {
			entry.status = verdict.Status
		}
	}
	return entry
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

// differs reports whether the log shows that the origin had something else by
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
