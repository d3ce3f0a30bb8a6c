// Package history records what the clients of a load test were told, and compares it with
// what the shards hold afterwards: a lost, invented or doubled write, an answer older than
// what was known, a row on the wrong shard. The clients report to a [History];
// [History.Compare] reads all rows once.
package history

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// room is how many ids a run may use.
const room = 1_000_000_000

// Population is the users of one run. No other run may use their ids: a cache would
// answer with what it knows about an earlier run's users.
type Population struct {
	// First is the smallest id.
	First int64
	// Seeded is how many users exist before the run, with version 1 and the name
	// SeedName. Users that the run creates follow them.
	Seeded int64
}

// NewPopulation returns a population whose ids nobody used before this second. They lie
// above those that the service itself chooses, and below 2^53.
func NewPopulation(seeded int64) Population {
	return Population{First: time.Now().Unix() * room, Seeded: seeded}
}

// SeedName is the name that a user has before the run.
func SeedName(user int64) string { return fmt.Sprintf("Seeded %d", user) }

// Email is the address of a user.
func Email(user int64) string { return fmt.Sprintf("u%d@load.example.com", user) }

// Has reports whether a user exists before the run.
func (p Population) Has(user int64) bool { return user >= p.First && user < p.First+p.Seeded }

// record is what the clients know about one user that they have asked for. Every write
// adds one to the version, so acknowledged writes and those of unknown outcome bound
// it.
type record struct {
	acknowledged, unknown int64
	// seen is the highest version that any ended read or write returned.
	seen int64
	// last is the version of the last acknowledged write, name its payload.
	last int64
	name string
	// doubtful holds the payloads of writes of unknown outcome.
	doubtful []string
	writing  bool
	// compared is set when the user's row was found in a database.
	compared bool
}

// before is the record of a user whom nobody has asked for.
func (p Population) before(user int64) *record {
	if !p.Has(user) {
		return &record{}
	}
	return &record{acknowledged: 1, seen: 1, last: 1, name: SeedName(user)}
}

// stripes lets clients record in parallel.
const stripes = 64

type stripe struct {
	mu      sync.Mutex
	records map[int64]*record
}

// History is what the clients of one run were told. Its memory grows with the users
// that were asked for, not with the number of requests. A user may have many readers
// but only one writer at a time: with concurrent writers it would be unclear which
// payload belongs to a version.
type History struct {
	population Population
	stripes    [stripes]stripe
	found      Findings
	journal    journal
}

// New returns an empty history. w, which may be nil, receives a line for every event,
// to study a run that failed.
func New(p Population, w io.Writer) *History {
	h := &History{population: p, journal: journal{w: w}}
	for i := range h.stripes {
		h.stripes[i].records = map[int64]*record{}
	}
	return h
}

// Population returns the users of the run.
func (h *History) Population() Population { return h.population }

// Err is nil if there are no findings.
func (h *History) Err() error { return h.found.Err() }

// Findings returns the first findings of each kind.
func (h *History) Findings() []Finding { return h.found.List() }

// with runs a function on a user's record while nobody else uses it.
func (h *History) with(user int64, do func(*record)) {
	s := &h.stripes[uint64(user)%stripes]
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[user]
	if r == nil {
		r = h.population.before(user)
		s.records[user] = r
	}
	do(r)
}

// Users returns those that somebody has asked for or written, in ascending order.
func (h *History) Users() []int64 {
	var users []int64
	for i := range h.stripes {
		h.stripes[i].mu.Lock()
		users = slices.AppendSeq(users, maps.Keys(h.stripes[i].records))
		h.stripes[i].mu.Unlock()
	}
	slices.Sort(users)
	return users
}

// most is the highest version that the writes so far explain.
func (r *record) most() int64 {
	most := r.acknowledged + r.unknown
	if r.writing {
		most++
	}
	return most
}

// journal writes events down, one line each.
type journal struct {
	mu sync.Mutex
	w  io.Writer
}

func (j *journal) add(event string, user, version int64, name string) {
	if j.w == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	// A journal that cannot be written must not end a run of an hour.
	_, _ = fmt.Fprintf(j.w, "%s %s user=%d version=%d name=%q\n", time.Now().UTC().Format("15:04:05.000000"), event, user, version, name)
}
