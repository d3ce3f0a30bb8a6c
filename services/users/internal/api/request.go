package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/services/users/internal/users"
)

// userID accepts one spelling of each id only, so that one user has one URL.
func userID(r *http.Request) (int64, *problem) {
	text := r.PathValue("id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(id, 10) != text {
		return 0, newProblem(http.StatusBadRequest,
			"the user id is not an integer between -9223372036854775808 and 9223372036854775807 in its shortest form")
	}
	return id, nil
}

// maxKey is as long as other services' keys are.
const maxKey = 255

// idempotencyKey returns the header's value, "" when there is none. It is taken
// as it stands: who quotes it, as the draft has it, quotes it every time.
func idempotencyKey(r *http.Request) (string, *problem) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	printable := func(c rune) bool { return c > ' ' && c <= '~' }
	if len(values) > 1 || values[0] == "" || len(values[0]) > maxKey ||
		strings.ContainsFunc(values[0], func(c rune) bool { return !printable(c) }) {
		return "", newProblem(http.StatusBadRequest, "the Idempotency-Key is not one string of 1 to 255 printable ASCII characters without a space")
	}
	return values[0], nil
}

// sku accepts what users.ValidSKU does.
func sku(r *http.Request) (string, *problem) {
	text := r.PathValue("sku")
	if !users.ValidSKU(text) {
		return "", newProblem(http.StatusBadRequest,
			"the SKU is not 1 to 64 letters, digits, '.', '_' and '-', of which the first is a letter or a digit")
	}
	return text, nil
}

func profile(w http.ResponseWriter, r *http.Request) (p users.Profile, wrong *problem) {
	wrong = decode(w, r, object{
		what: "user", example: `{"name":"Ada","email":"ada@example.com"}`, validate: func() []users.Mistake { return p.Validate() },
		fields: map[string]field{"name": {&p.Name, "is not a string"}, "email": {&p.Email, "is not a string"}},
	})
	return p, wrong
}

func offer(w http.ResponseWriter, r *http.Request) (o users.Offer, wrong *problem) {
	o.PriceCents = -1
	wrong = decode(w, r, object{
		what: "product", example: `{"name":"Lamp","price_cents":1999}`, validate: func() []users.Mistake { return o.Validate() },
		fields: map[string]field{"name": {&o.Name, "is not a string"}, "price_cents": {&o.PriceCents, "is not an integer"}},
	})
	return o, wrong
}
