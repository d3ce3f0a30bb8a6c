package api

import (
	"encoding/json"
	"net/http"

	"github.com/scalestack/scalestack/services/users/internal/users"
)

// problem is an error for the client, as in RFC 9457. It has no type, because the
// status code says everything.
type problem struct {
	Status int       `json:"status"`
	Title  string    `json:"title"`
	Detail string    `json:"detail,omitempty"`
	Errors []mistake `json:"errors,omitempty"`
}

// mistake is one wrong value of a request; Pointer is a JSON pointer into its body.
type mistake struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

func newProblem(status int, detail string) *problem {
	return &problem{Status: status, Title: http.StatusText(status), Detail: detail}
}

func invalid(what string, mistakes []users.Mistake) *problem {
	p := newProblem(http.StatusUnprocessableEntity, "the "+what+" is not valid")
	for _, m := range mistakes {
		p.Errors = append(p.Errors, mistake{Pointer: "/" + m.Field, Detail: m.Problem})
	}
	return p
}

func (p *problem) write(w http.ResponseWriter) {
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// The client has gone when this fails; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
