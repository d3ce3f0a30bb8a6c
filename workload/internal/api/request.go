package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scalestack/scalestack/workload/internal/users"
)

// maxBody is many times the longest valid profile.
const maxBody = 16 << 10

// userID accepts one spelling of each id only, so that one user has one URL.
func userID(r *http.Request) (int64, *problem) {
	text := r.PathValue("id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(id, 10) != text {
		return 0, newProblem(http.StatusBadRequest,
			"the user id is not a whole number between -9223372036854775808 and 9223372036854775807 in its shortest form")
	}
	return id, nil
}

// profile reads the body as JSON whatever its Content-Type says: curl -d says
// that it is a form.
func profile(w http.ResponseWriter, r *http.Request) (users.Profile, *problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return users.Profile{}, newProblem(http.StatusRequestEntityTooLarge, "the body is longer than 16384 bytes")
	case err != nil:
		return users.Profile{}, newProblem(http.StatusBadRequest, "the body could not be read")
	}
	return decode(body)
}

// decode goes field by field: encoding/json would stop at the first mistake.
func decode(body []byte) (users.Profile, *problem) {
	var fields map[string]json.RawMessage
	if !utf8.Valid(body) || json.Unmarshal(body, &fields) != nil || fields == nil {
		return users.Profile{}, newProblem(http.StatusBadRequest, `the body is not a JSON object such as {"name":"Ada","email":"ada@example.com"}`)
	}
	var p users.Profile
	var mistakes []users.Mistake
	for name, value := range fields {
		target, known := map[string]*string{"name": &p.Name, "email": &p.Email}[name]
		switch {
		case !known:
			mistakes = append(mistakes, users.Mistake{Field: name, Problem: "is not a field of a user"})
		case json.Unmarshal(value, target) != nil:
			mistakes = append(mistakes, users.Mistake{Field: name, Problem: "is not a string"})
		}
	}
	for _, m := range p.Validate() {
		if !slices.ContainsFunc(mistakes, func(other users.Mistake) bool { return other.Field == m.Field }) {
			mistakes = append(mistakes, m)
		}
	}
	if len(mistakes) > 0 {
		slices.SortFunc(mistakes, func(a, b users.Mistake) int { return strings.Compare(a.Field, b.Field) })
		return users.Profile{}, invalid(mistakes)
	}
	return p, nil
}
