// Package check collects every mistake in a value, each with the path of the
// setting that is wrong, so that a user mends a configuration in one round.
package check

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Error is one mistake in one setting.
type Error struct {
	// Path names the setting, for example "shards" or "storage.size".
	Path string
	// Problem quotes the value and says what is allowed.
	Problem string
}

func (e *Error) Error() string { return e.Path + ": " + e.Problem }

// Errors gathers mistakes. Its zero value is ready to use.
type Errors struct{ list []*Error }

// Addf records one mistake at path.
func (e *Errors) Addf(path, format string, args ...any) {
	e.list = append(e.list, &Error{Path: path, Problem: fmt.Sprintf(format, args...)})
}

// Range records a mistake unless lo <= value <= hi.
func (e *Errors) Range(path string, value, lo, hi int) {
	if value < lo || value > hi {
		e.Addf(path, "%d is not between %d and %d", value, lo, hi)
	}
}

// OneOf records a mistake unless value is one of allowed.
func (e *Errors) OneOf(path, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	e.Addf(path, "%q is not one of %s", value, strings.Join(allowed, ", "))
}

// Required records a mistake when value is empty.
func (e *Errors) Required(path, value string) {
	if value == "" {
		e.Addf(path, "is required")
	}
}

// Merge adds the mistakes of err, as another package's validation returned
// them, with prefix before each path. An err of another kind is kept whole.
func (e *Errors) Merge(prefix string, err error) {
	if err == nil {
		return
	}
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, one := range many.Unwrap() {
			e.Merge(prefix, one)
		}
		return
	}
	var one *Error
	if errors.As(err, &one) {
		e.list = append(e.list, &Error{Path: join(prefix, one.Path), Problem: one.Problem})
		return
	}
	e.Addf(prefix, "%v", err)
}

// Err returns nil without a mistake, or all of them sorted by path.
func (e *Errors) Err() error {
	if len(e.list) == 0 {
		return nil
	}
	sort.SliceStable(e.list, func(i, j int) bool { return e.list[i].Path < e.list[j].Path })
	errs := make([]error, len(e.list))
	for i, one := range e.list {
		errs[i] = one
	}
	return errors.Join(errs...)
}

func join(prefix, path string) string {
	switch {
	case prefix == "":
		return path
	case path == "":
		return prefix
	}
	return prefix + "." + path
}
