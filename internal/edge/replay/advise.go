package replay

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	// advised is how many settings a report names, and worthwhile the least gain of one.
	advised    = 3
	worthwhile = 0.0005
	// mostCandidates bounds the memory: with more folders in a log, those seen later are
	// not considered.
	mostCandidates = 2_000
)

// Advice is a setting that would raise the hit ratio.
type Advice struct {
	// Setting is what to change in scalestack:cdn.
	Setting string
	// Unless says when it must not be changed.
	Unless string
	// Gain is how many more requests the cache would answer, and Points the same as a
	// share of all requests, 0.01 being a percentage point.
	Gain   int64
	Points float64
	// Stale is how many more answers would differ from the origin's, by the log.
	Stale int64
}

// Advisor replays a log once with the rules as they are and, beside it, with each
// setting that could cache more of it: an edge of its own for the requests that the
// setting concerns. The gain of one setting is exact; the gains of several do not add up
// where they concern the same requests.
type Advisor struct {
	*Simulation
	candidates map[changeKey]*candidate
}

// candidate is one changed setting and the requests that it concerns.
type candidate struct {
	change
	edge *Simulation
	// now is what the rules as they are make of these requests, then what they would
	// with the change.
	now, then Count
}

// NewAdvisor starts with an empty cache.
func NewAdvisor(o Options) *Advisor {
	return &Advisor{Simulation: New(o), candidates: map[changeKey]*candidate{}}
}

// Add replays one request, with the headers that the options assume of the origin.
func (a *Advisor) Add(l Line) { a.AddFrom(l, a.origin) }

// AddFrom replays one request that the origin answers with these headers.
func (a *Advisor) AddFrom(l Line, origin http.Header) {
	r := a.replay(l, origin)
	if r.blocked || personal(&l, origin) {
		return
	}
	for _, key := range changes(a.options.Rules, &r) {
		one := a.candidate(key)
		if one == nil {
			continue
		}
		settings := r.settings
		one.apply(&settings)
		one.edge.now = a.now
		changed := one.edge.answer(l, r.request, &settings, origin)
		if r.counted {
			one.now.add(&r.record)
			one.then.add(&changed)
		}
	}
}

// personal tells what no setting should cache: the request or the answer says that it
// is one visitor's.
func personal(l *Line, origin http.Header) bool {
	if l.User != "" && l.User != "-" || l.Method != http.MethodGet && l.Method != http.MethodHead {
		return true
	}
	control := strings.ToLower(strings.Join(origin.Values("Cache-Control"), ","))
	return origin.Get("Set-Cookie") != "" || strings.Contains(control, "private") || strings.Contains(control, "no-store")
}

// candidate returns nil for one too many.
func (a *Advisor) candidate(key changeKey) *candidate {
	if one, known := a.candidates[key]; known || len(a.candidates) >= mostCandidates {
		return one
	}
	one := &candidate{change: newChange(key), edge: New(a.options)}
	a.candidates[key] = one
	return one
}

// Best returns the n settings with the greatest gain, the best first.
func (a *Advisor) Best(n int) []Advice {
	merged := map[string]*Advice{}
	parts := map[string][]string{}
	for _, key := range slices.SortedFunc(maps.Keys(a.candidates), func(x, y changeKey) int { return cmp.Compare(x.about, y.about) }) {
		one := a.candidates[key]
		gain := one.then.Cached - one.now.Cached
		if gain <= 0 {
			continue
		}
		advice := merged[one.group]
		if advice == nil {
			advice = &Advice{Unless: one.unless}
			merged[one.group] = advice
		}
		advice.Gain += gain
		advice.Stale += one.then.Stale - one.now.Stale
		parts[one.group] = append(parts[one.group], one.part)
		advice.Setting = one.setting(parts[one.group])
	}
	return a.best(slices.Collect(maps.Values(merged)), n)
}

func (a *Advisor) best(all []*Advice, n int) []Advice {
	slices.SortFunc(all, func(x, y *Advice) int {
		return cmp.Or(cmp.Compare(y.Gain, x.Gain), cmp.Compare(x.Setting, y.Setting))
	})
	var best []Advice
	for _, one := range all[:min(n, len(all))] {
		if one.Points = share(one.Gain, a.Report.All.Requests); one.Points >= worthwhile {
			best = append(best, *one)
		}
	}
	return best
}
