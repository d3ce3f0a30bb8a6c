package replay

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/scalestack/scalestack/internal/edge/policy"
)

// record is one replayed request.
type record struct {
	line    Line
	time    time.Time
	rule    string
	static  bool
	status  policy.Status
	age     time.Duration
	differs bool
}

// Count is a sum over requests.
type Count struct {
	Requests, Cached int64
	Bytes, Saved     int64
	// Stale counts answers from the cache where the log shows that the origin
	// had something else by then.
	Stale int64
	// Oldest is the age of the oldest answer from the cache.
	Oldest time.Duration
}

func (c *Count) add(r *record) {
	c.Requests++
	c.Bytes += r.line.Bytes
	if r.status.FromCache() {
		c.Cached++
		c.Saved += r.line.Bytes
		c.Oldest = max(c.Oldest, r.age)
	}
	if r.differs {
		c.Stale++
	}
}

// Ratio is the share that the cache answered.
func (c *Count) Ratio() float64 { return share(c.Cached, c.Requests) }

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Report sums up a replay.
type Report struct {
	options     Options
	All, Static Count
	// Blocked are the requests that a rate limit would have ended. Nothing else counts
	// them.
	Blocked     int64
	Rules       map[string]*Count
	Statuses    map[policy.Status]int64
	First, Last time.Time
	Lines       int64
	Unreadable  Unreadable
	// Advice names the settings that would raise the hit ratio most, the best first.
	Advice []Advice
	series series
}

func newReport(o Options) *Report {
	return &Report{options: o, Rules: map[string]*Count{}, Statuses: map[policy.Status]int64{}}
}

func (r *Report) add(e *record) {
	if r.First.IsZero() {
		r.First = e.time
	}
	r.Last = e.time
	r.Statuses[e.status]++
	r.All.add(e)
	if e.static {
		r.Static.add(e)
	}
	if r.Rules[e.rule] == nil {
		r.Rules[e.rule] = &Count{}
	}
	r.Rules[e.rule].add(e)
	r.series.add(e)
}

// Write prints the report for people.
func (r *Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "log\t%d lines, %s to %s\n", r.Lines, r.First.Format(time.DateTime), r.Last.Format(time.DateTime))
	if w := r.options.WarmUp; w > 0 {
		fmt.Fprintf(t, "\tafter %s, which filled the cache and are not counted\n", w)
	}
	fmt.Fprintf(t, "unreadable\t%d lines\n", r.Unreadable.Count)
	for _, u := range r.Unreadable.First {
		fmt.Fprintf(t, "\t%s\n", u)
	}
	if len(r.options.Rules.Limits) > 0 {
		fmt.Fprintf(t, "rate limit\t%d requests would have been blocked, which are not counted below\n", r.Blocked)
	}
	fmt.Fprintf(t, "hit ratio\t%s of all requests (%d of %d)\n", percent(r.All.Ratio()), r.All.Cached, r.All.Requests)
	fmt.Fprintf(t, "\t%s of static paths (%d of %d)\n", percent(r.Static.Ratio()), r.Static.Cached, r.Static.Requests)
	fmt.Fprintf(t, "\tstatic paths are %s of all requests, the most that these rules can reach\n", percent(share(r.Static.Requests, r.All.Requests)))
	fmt.Fprintf(t, "bytes saved\t%s of %s (%s)\n", size(r.All.Saved), size(r.All.Bytes), percent(share(r.All.Saved, r.All.Bytes)))
	fmt.Fprintf(t, "stale risk\t%d answers (%s of those from the cache) differed from the origin's in size or status\n",
		r.All.Stale, percent(share(r.All.Stale, r.All.Cached)))
	fmt.Fprintf(t, "\tthe oldest answer from the cache was %s old\n", r.All.Oldest.Round(time.Second))
	fmt.Fprintf(t, "statuses\t%s\n", r.statuses())
	fmt.Fprintln(t)
	fmt.Fprintln(t, "rule\trequests\tfrom cache\thit ratio\tbytes\tsaved\tstale")
	for _, name := range r.order() {
		c := r.Rules[name]
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\t%d\n", name, c.Requests, c.Cached, percent(c.Ratio()), size(c.Bytes), size(c.Saved), c.Stale)
	}
	fmt.Fprintf(t, "\nFrom cache are %s. Assumed: one edge with one cache of %d objects, and an origin\nthat sends %s with every response.\n",
		"HIT, STALE, UPDATING and REVALIDATED", r.objects(), r.assumed())
	if err := t.Flush(); err != nil {
		return err
	}
	return WriteAdvice(w, r.Advice)
}

// WriteAdvice prints advice for people.
func WriteAdvice(w io.Writer, all []Advice) error {
	var b strings.Builder
	b.WriteString("\nWhat would raise the hit ratio of all requests most, each by itself:\n")
	if len(all) == 0 {
		b.WriteString("  nothing that a rule could change\n")
	}
	for i, one := range all {
		fmt.Fprintf(&b, "  %d. %s\n     + %.1f points (%d requests", i+1, one.Setting, one.Points*100, one.Gain)
		if one.Stale > 0 {
			fmt.Fprintf(&b, ", %d of them where the origin had something else by then", one.Stale)
		}
		fmt.Fprintf(&b, "); not where %s\n", one.Unless)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) objects() int {
	if r.options.Objects <= 0 {
		return 1_000_000
	}
	return r.options.Objects
}

func (r *Report) assumed() string {
	if r.options.CacheControl == "" {
		return "no Cache-Control"
	}
	return "Cache-Control: " + r.options.CacheControl
}

func (r *Report) statuses() string {
	var all []string
	for _, s := range slices.Sorted(maps.Keys(r.Statuses)) {
		all = append(all, fmt.Sprintf("%s %d", s, r.Statuses[s]))
	}
	return strings.Join(all, ", ")
}

// order has the rule with the most requests first.
func (r *Report) order() []string {
	names := slices.Sorted(maps.Keys(r.Rules))
	slices.SortStableFunc(names, func(a, b string) int { return int(r.Rules[b].Requests - r.Rules[a].Requests) })
	return names
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", share*100) }

func size(bytes int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	amount, unit := float64(bytes), 0
	for amount >= 1000 && unit < len(units)-1 {
		amount, unit = amount/1000, unit+1
	}
	return fmt.Sprintf("%.1f %s", amount, units[unit])
}
