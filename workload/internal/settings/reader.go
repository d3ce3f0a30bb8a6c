package settings

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lookup returns the value of an environment variable, as os.LookupEnv does.
type Lookup func(name string) (value string, found bool)

// reader takes settings one by one, keeps every mistake, and keeps what each
// setting means, so that the help text cannot differ from the code.
type reader struct {
	lookup Lookup
	errs   []error
	help   []string
}

func (r *reader) failf(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

// value returns what is set, or the default; empty counts as not set.
func (r *reader) value(name, byDefault, allowed, meaning string) string {
	r.help = append(r.help, fmt.Sprintf("  %s (%s, default %s)\n      %s", name, allowed, cmp.Or(byDefault, "empty"), meaning))
	if value, found := r.lookup(name); found && value != "" {
		return value
	}
	return byDefault
}

func (r *reader) path(name, byDefault, meaning string) string {
	value := r.value(name, byDefault, "absolute path", meaning)
	if !strings.HasPrefix(value, "/") {
		r.failf(name, "%q is not an absolute path", value)
	}
	return value
}

func (r *reader) text(name, byDefault, meaning string) string {
	return r.value(name, byDefault, "text", meaning)
}

func (r *reader) addresses(name, byDefault, meaning string) []string {
	list := strings.Split(r.value(name, byDefault, "host:port,…", meaning), ",")
	for _, one := range list {
		r.checkAddress(name, one)
	}
	return list
}

func (r *reader) address(name, byDefault, meaning string) string {
	value := r.value(name, byDefault, "host:port", meaning)
	r.checkAddress(name, value)
	return value
}

func (r *reader) checkAddress(name, value string) {
	_, port, err := net.SplitHostPort(value)
	if number, portErr := strconv.Atoi(port); err != nil || portErr != nil || number < 0 || number > 65535 {
		r.failf(name, "%q is not host:port with a port between 0 and 65535", value)
	}
}

func (r *reader) optionalAddress(name, meaning string) string {
	const none = "none"
	value := r.value(name, none, "host:port", meaning)
	if value == none {
		return ""
	}
	r.checkAddress(name, value)
	return value
}

func (r *reader) duration(name string, byDefault, lo, hi time.Duration, meaning string) time.Duration {
	text := r.value(name, byDefault.String(), fmt.Sprintf("%s to %s", lo, hi), meaning)
	value, err := time.ParseDuration(text)
	switch {
	case err != nil:
		r.failf(name, "%q is not a duration such as %s", text, byDefault)
	case value < lo || value > hi:
		r.failf(name, "%s is not between %s and %s", text, lo, hi)
	}
	return value
}

func (r *reader) integer(name string, byDefault, lo, hi int, meaning string) int {
	text := r.value(name, strconv.Itoa(byDefault), fmt.Sprintf("%d to %d", lo, hi), meaning)
	value, err := strconv.Atoi(text)
	switch {
	case err != nil:
		r.failf(name, "%q is not a whole number", text)
	case value < lo || value > hi:
		r.failf(name, "%d is not between %d and %d", value, lo, hi)
	}
	return value
}

func (r *reader) oneOf(name, byDefault string, allowed []string, meaning string) string {
	value := r.value(name, byDefault, strings.Join(allowed, "|"), meaning)
	if !slices.Contains(allowed, value) {
		r.failf(name, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
	return value
}

func (r *reader) err() error { return errors.Join(r.errs...) }

func help[T any](load func(*reader) T) string {
	r := &reader{lookup: func(string) (string, bool) { return "", false }}
	load(r)
	return strings.Join(r.help, "\n")
}
