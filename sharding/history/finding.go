package history

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Kind says what is wrong.
type Kind string

// The kinds of findings.
const (
	// LostWrite is an acknowledged write that the database does not have.
	LostWrite Kind = "lost write"
	// Invented is a write that no client made: a version too high, or a user.
	Invented Kind = "invented write"
	// WrongPayload is the right version with another write's content.
	WrongPayload Kind = "wrong payload"
	// TimeTravel is an answer older than what was known when it was asked for.
	TimeTravel Kind = "time travel"
	// DoubleRow is a user with more than one row.
	DoubleRow Kind = "double row"
	// WrongShard is a row on a shard that does not own its bucket.
	WrongShard Kind = "wrong shard"
	// WrongOwner is a bucket that has not exactly one owner.
	WrongOwner Kind = "wrong owner"
)

// Finding is one violation.
type Finding struct {
	Kind   Kind
	Detail string
}

// shown is how many findings of one kind are kept in full.
const shown = 10

// Findings counts violations and keeps the first few of each kind, so that a run in
// which everything is wrong needs no more memory than a good one.
type Findings struct {
	mu     sync.Mutex
	counts map[Kind]int
	first  []Finding
}

// Addf records a finding.
func (f *Findings) Addf(kind Kind, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[Kind]int{}
	}
	f.counts[kind]++
	if f.counts[kind] <= shown {
		f.first = append(f.first, Finding{Kind: kind, Detail: fmt.Sprintf(format, args...)})
	}
}

// List returns the first findings of each kind.
func (f *Findings) List() []Finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.first)
}

// Err is nil when nothing was found.
func (f *Findings) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.first) == 0 {
		return nil
	}
	var text strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(f.counts)) {
		fmt.Fprintf(&text, "%s: %d\n", kind, f.counts[kind])
	}
	for _, one := range f.first {
		fmt.Fprintf(&text, "  %s: %s\n", one.Kind, one.Detail)
	}
	return errors.New(strings.TrimSpace(text.String()))
}
