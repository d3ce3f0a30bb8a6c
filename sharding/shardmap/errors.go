package shardmap

import (
	"errors"
	"fmt"
)

// Error is one mistake in a map or a Spec. Functions that report mistakes join all of
// them with errors.Join, in the order of the fields and indexes.
type Error struct {
	// Path is the wrong value's, for example "buckets" or "shards[2].port".
	Path string
	// Problem quotes the value and says what is allowed.
	Problem string
}

func (e *Error) Error() string { return e.Path + ": " + e.Problem }

// mistakes collects errors. Its zero value is ready to use.
type mistakes struct{ list []*Error }

func (m *mistakes) addf(path, format string, args ...any) {
	m.list = append(m.list, &Error{Path: path, Problem: fmt.Sprintf(format, args...)})
}

// between records a mistake unless lo <= value <= hi.
func (m *mistakes) between(path string, value, lo, hi int) {
	if value < lo || value > hi {
		m.addf(path, "%d is not between %d and %d", value, lo, hi)
	}
}

// err returns nil if there is no mistake.
func (m *mistakes) err() error {
	errs := make([]error, len(m.list))
	for i, one := range m.list {
		errs[i] = one
	}
	return errors.Join(errs...)
}
