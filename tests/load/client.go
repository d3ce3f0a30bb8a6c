package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/scalestack/scalestack/sharding/history"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Target is the service under load.
type Target struct {
	// Base is its address, for example http://10.96.0.7.
	Base string
	HTTP *http.Client
}

// reply is what the service said to one attempt.
type reply struct {
	ID      int64  `json:"id"`
	Version int64  `json:"version"`
	Name    string `json:"name"`
	status  int
	detail  string
	// after is how long the service asks to wait.
	after time.Duration
}

// effect is what an attempt to write has done.
type effect int

const (
	done effect = iota
	none
	unknown
)

func (t Target) get(ctx context.Context, user int64) (reply, error) {
	return t.do(ctx, http.MethodGet, fmt.Sprintf("/users/%d", user), "", nil)
}

func (t Target) put(ctx context.Context, user int64, name string) (reply, error) {
	return t.do(ctx, http.MethodPut, fmt.Sprintf("/users/%d", user), "", profile(name, history.Email(user)))
}

// post makes a user. A second request with the same key makes no second one.
func (t Target) post(ctx context.Context, key, name, email string) (reply, error) {
	return t.do(ctx, http.MethodPost, "/users", key, profile(name, email))
}

func profile(name, email string) []byte {
	// Two strings can always be encoded.
	body, _ := json.Marshal(map[string]string{"name": name, "email": email})
	return body
}

func (t Target) do(ctx context.Context, method, path, key string, body []byte) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, t.Base+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := t.HTTP.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return reply{}, err
	}
	return parse(response, text)
}

func parse(response *http.Response, text []byte) (reply, error) {
	r := reply{status: response.StatusCode}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		r.after = time.Duration(seconds) * time.Second
	}
	if r.status/100 == 2 {
		return r, json.Unmarshal(text, &r)
	}
	r.detail = strings.TrimSpace(string(text))
	return r, nil
}

// readable reports whether a read has its answer.
func (r reply) readable() bool { return r.status == http.StatusOK || r.status == http.StatusNotFound }

// refused says that repeating makes no sense: the request itself is wrong.
func (r reply) refused() bool { return r.status/100 == 4 && r.status != http.StatusTooManyRequests }

// written says what an attempt to write has done. Only an answer that says so,
// or a connection that was never made, is certainly without effect.
func written(r reply, err error) effect {
	var operation *net.OpError
	switch {
	case errors.As(err, &operation) && operation.Op == "dial":
		return none
	case err != nil:
		return unknown
	case r.status/100 == 2:
		return done
	case r.status == http.StatusServiceUnavailable && !strings.Contains(r.detail, "may have been made"), r.status/100 == 4:
		return none
	}
	return unknown
}

// reason is the failure in words.
func (r reply) reason(err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("status %d: %s", r.status, r.detail)
}
