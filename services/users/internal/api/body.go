package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scalestack/scalestack/services/users/internal/users"
)

// maxBody is many times the longest valid profile.
const maxBody = 16 << 10

// object is a JSON object that a client may send.
type object struct {
	what, example string
	fields        map[string]field
	// validate finds mistakes in what the fields were decoded into.
	validate func() []users.Mistake
}

type field struct {
	// target is a pointer, as json.Unmarshal takes one.
	target any
	// otherType is the mistake when the value does not fit.
	otherType string
}

// decode reads the body as JSON whatever its Content-Type says: curl -d says
// that it is a form.
func decode(w http.ResponseWriter, r *http.Request, o object) *problem {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, "the body is longer than 16384 bytes")
	case err != nil:
		return newProblem(http.StatusBadRequest, "the body could not be read")
	}
	var fields map[string]json.RawMessage
	if !utf8.Valid(body) || json.Unmarshal(body, &fields) != nil || fields == nil {
		return newProblem(http.StatusBadRequest, "the body is not a JSON object such as "+o.example)
	}
	return o.decode(fields)
}

// decode goes field by field: encoding/json would stop at the first mistake.
func (o object) decode(fields map[string]json.RawMessage) *problem {
	var mistakes []users.Mistake
	for name, value := range fields {
		f, known := o.fields[name]
		switch {
		case !known:
			mistakes = append(mistakes, users.Mistake{Field: name, Problem: "is not a field of a " + o.what})
		case json.Unmarshal(value, f.target) != nil:
			mistakes = append(mistakes, users.Mistake{Field: name, Problem: f.otherType})
		}
	}
	for _, m := range o.validate() {
		if !slices.ContainsFunc(mistakes, func(other users.Mistake) bool { return other.Field == m.Field }) {
			mistakes = append(mistakes, m)
		}
	}
	if len(mistakes) == 0 {
		return nil
	}
	slices.SortFunc(mistakes, func(a, b users.Mistake) int { return strings.Compare(a.Field, b.Field) })
	return invalid(o.what, mistakes)
}
