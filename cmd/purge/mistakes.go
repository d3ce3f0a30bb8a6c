package main

import (
	"errors"
	"fmt"
)

// mistakes gathers what is wrong with the flags, so that all of it is said at once.
type mistakes struct{ list []error }

// addf records one mistake in a flag or variable.
func (m *mistakes) addf(flag, format string, args ...any) {
	m.list = append(m.list, fmt.Errorf("%s: "+format, append([]any{flag}, args...)...))
}

// err joins them, with a line for each.
func (m *mistakes) err() error { return errors.Join(m.list...) }
