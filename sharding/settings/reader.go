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

// Reader takes settings one by one, keeps every mistake, and keeps what each
// setting means, so that the help text cannot differ from the code.
type Reader struct {
	lookup Lookup
	errs   []error
	help   []string
}

// NewReader returns a Reader without a mistake.
func NewReader(lookup Lookup) *Reader { return &Reader{lookup: lookup} }

// Failf records a mistake in a setting.
func (r *Reader) Failf(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

// value returns what is set, or the default; empty counts as not set.
func (r *Reader) value(name, byDefault, allowed, meaning string) string {
	r.help = append(r.help, fmt.Sprintf("  %s (%s, default %s)\n      %s", name, allowed, cmp.Or(byDefault, "empty"), meaning))
	if value, found := r.lookup(name); found && value != "" {
		return value
	}
	return byDefault
}

// Path reads an absolute path.
func (r *Reader) Path(name, byDefault, meaning string) string {
	value := r.value(name, byDefault, "absolute path", meaning)
	if !strings.HasPrefix(value, "/") {
		r.Failf(name, "%q is not an absolute path", value)
	}
	return value
}

// OptionalPath reads an absolute path, or "" when nothing is set.
func (r *Reader) OptionalPath(name, meaning string) string {
	value := r.value(name, "", "absolute path", meaning)
	if value != "" && !strings.HasPrefix(value, "/") {
		r.Failf(name, "%q is not an absolute path", value)
	}
	return value
}

// Text reads any string.
func (r *Reader) Text(name, byDefault, meaning string) string {
	return r.value(name, byDefault, "text", meaning)
}

// Addresses reads one or more host:port, separated by commas.
func (r *Reader) Addresses(name, byDefault, meaning string) []string {
	list := strings.Split(r.value(name, byDefault, "host:port,…", meaning), ",")
	for _, one := range list {
		r.checkAddress(name, one)
	}
	return list
}

// Address reads host:port.
func (r *Reader) Address(name, byDefault, meaning string) string {
	value := r.value(name, byDefault, "host:port", meaning)
	r.checkAddress(name, value)
	return value
}

func (r *Reader) checkAddress(name, value string) {
	_, port, err := net.SplitHostPort(value)
	if number, portErr := strconv.Atoi(port); err != nil || portErr != nil || number < 0 || number > 65535 {
		r.Failf(name, "%q is not host:port with a port between 0 and 65535", value)
	}
}

// OptionalAddress reads host:port, or "" when it is "none", the default.
func (r *Reader) OptionalAddress(name, meaning string) string {
	const none = "none"
	value := r.value(name, none, "host:port", meaning)
	if value == none {
		return ""
	}
	r.checkAddress(name, value)
	return value
}

// Duration reads a duration from lo to hi.
func (r *Reader) Duration(name string, byDefault, lo, hi time.Duration, meaning string) time.Duration {
	text := r.value(name, byDefault.String(), fmt.Sprintf("%s to %s", lo, hi), meaning)
	value, err := time.ParseDuration(text)
	switch {
	case err != nil:
		r.Failf(name, "%q is not a duration such as %s", text, byDefault)
	case value < lo || value > hi:
		r.Failf(name, "%s is not between %s and %s", text, lo, hi)
	}
	return value
}

// Integer reads an integer from lo to hi.
func (r *Reader) Integer(name string, byDefault, lo, hi int, meaning string) int {
	text := r.value(name, strconv.Itoa(byDefault), fmt.Sprintf("%d to %d", lo, hi), meaning)
	value, err := strconv.Atoi(text)
	switch {
	case err != nil:
		r.Failf(name, "%q is not an integer", text)
	case value < lo || value > hi:
		r.Failf(name, "%d is not between %d and %d", value, lo, hi)
	}
	return value
}

// OneOf reads one of the allowed strings.
func (r *Reader) OneOf(name, byDefault string, allowed []string, meaning string) string {
	value := r.value(name, byDefault, strings.Join(allowed, "|"), meaning)
	if !slices.Contains(allowed, value) {
		r.Failf(name, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
	return value
}

// Err holds every mistake so far.
func (r *Reader) Err() error { return errors.Join(r.errs...) }

// Load reads settings; the error holds every mistake.
func Load[T any](lookup Lookup, read func(*Reader) T) (T, error) {
	r := NewReader(lookup)
	settings := read(r)
	return settings, r.Err()
}

// Help lists the settings that read takes, with what is allowed and the default.
func Help[T any](read func(*Reader) T) string {
	r := NewReader(func(string) (string, bool) { return "", false })
	read(r)
	return strings.Join(r.help, "\n")
}
