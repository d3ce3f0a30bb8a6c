package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

const good = `{"name":"Ada","email":"ada@example.com"}`

// fake answers with what the test sets, for whatever user it is asked.
type fake struct {
	answer  users.Answer
	version int64
	err     error
	asked   []int64
	key     string
	users.Products
}

func (f *fake) Get(_ context.Context, id int64) (users.Answer, error) {
	f.asked = append(f.asked, id)
	return f.answer, f.err
}

func (f *fake) Put(_ context.Context, id int64, p users.Profile) (*users.User, string, error) {
	f.asked = append(f.asked, id)
	if f.err != nil {
		return nil, "shard-3", f.err
	}
	return &users.User{ID: id, Name: p.Name, Email: p.Email, Version: f.version, Created: f.version == 1}, "shard-3", nil
}

// Update finds a user that was changed before.
func (f *fake) Update(ctx context.Context, id int64, p users.Profile) (*users.User, string, error) {
	if f.version < 2 && f.err == nil {
		f.asked = append(f.asked, id)
		return nil, "shard-3", users.ErrNoUser
	}
	return f.Put(ctx, id, p)
}

func (f *fake) Create(ctx context.Context, p users.Profile, key string) (*users.User, string, error) {
	f.key = key
	return f.Put(ctx, 4711, p)
}

func (f *fake) Delete(_ context.Context, id int64) (bool, string, error) {
	f.asked = append(f.asked, id)
	return f.version > 0, "shard-3", f.err
}

func newAPI(f *fake) *API {
	return New(f, Options{Timeout: time.Second, MaxRequests: 100, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Access: Access{Public: true}})
}

func call(a *API, method, path, body string) *httptest.ResponseRecorder {
	response := httptest.NewRecorder()
	a.ServeHTTP(response, httptest.NewRequest(method, path, strings.NewReader(body)))
	return response
}

func requireProblem(t *testing.T, response *httptest.ResponseRecorder, status int, detail string, mistakes ...mistake) {
	t.Helper()
	require.Equal(t, status, response.Code, response.Body.String())
	require.Equal(t, "application/problem+json", response.Header().Get("Content-Type"))
	var p problem
	require.NoError(t, json.Unmarshal(response.Body.Bytes(), &p))
	require.Equal(t, problem{Status: status, Title: http.StatusText(status), Detail: detail, Errors: mistakes}, p)
}

func TestGet(t *testing.T) {
	f := &fake{answer: users.Answer{User: &users.User{ID: 7, Name: "Ada", Email: "ada@example.com", Version: 2}, Shard: "shard-3"}}
	a := newAPI(f)
	response := call(a, "GET", "/users/7", "")
	require.Equal(t, http.StatusOK, response.Code)
	require.Equal(t, "miss", response.Header().Get("X-Cache"))
	require.Equal(t, "shard-3", response.Header().Get("X-Shard"))
	require.JSONEq(t, `{"id":7,"name":"Ada","email":"ada@example.com","version":2,
		"created_at":"0001-01-01T00:00:00Z","updated_at":"0001-01-01T00:00:00Z"}`, response.Body.String())

	f.answer.Hit = true
	require.Equal(t, "hit", call(a, "GET", "/users/7", "").Header().Get("X-Cache"))

	f.answer.User = nil
	response = call(a, "GET", "/users/-7", "")
	requireProblem(t, response, http.StatusNotFound, "there is no user -7")
	require.Equal(t, "hit", response.Header().Get("X-Cache"))
}

func TestIDs(t *testing.T) {
	f := &fake{answer: users.Answer{User: &users.User{}}, version: 1}
	a := newAPI(f)
	extremes := []int64{0, -1, math.MinInt64, math.MaxInt64}
	for _, id := range extremes {
		require.Equal(t, http.StatusOK, call(a, "GET", "/users/"+strconv.FormatInt(id, 10), "").Code)
	}
	require.Equal(t, extremes, f.asked)
	for _, id := range []string{"x", "+1", "01", "-0", "1.0", "9223372036854775808", "-9223372036854775809", "1%20", "0x1"} {
		for _, method := range []string{"GET", "PUT"} {
			requireProblem(t, call(a, method, "/users/"+id, good), http.StatusBadRequest,
				"the user id is not an integer between -9223372036854775808 and 9223372036854775807 in its shortest form")
		}
	}
	require.Len(t, f.asked, len(extremes))
}

func TestPut(t *testing.T) {
	f := &fake{version: 1}
	a := newAPI(f)
	response := call(a, "PUT", "/users/7", good)
	require.Equal(t, http.StatusCreated, response.Code)
	require.Equal(t, "shard-3", response.Header().Get("X-Shard"))
	require.Contains(t, response.Body.String(), `"id":7,"name":"Ada","email":"ada@example.com","version":1`)
	f.version = 2
	require.Equal(t, http.StatusOK, call(a, "PUT", "/users/7", good).Code)
}

func TestBadBodies(t *testing.T) {
	const noObject = `the body is not a JSON object such as {"name":"Ada","email":"ada@example.com"}`
	const notValid = "the user is not valid"
	tests := map[string]struct {
		body     string
		status   int
		detail   string
		mistakes []mistake
	}{
		"empty":         {``, 400, noObject, nil},
		"null":          {`null`, 400, noObject, nil},
		"array":         {`[]`, 400, noObject, nil},
		"two documents": {good + good, 400, noObject, nil},
		"not UTF-8":     {"{\"name\":\"\xff\",\"email\":\"a@b.c\"}", 400, noObject, nil},
		"too long":      {`{"name":"` + strings.Repeat("a", maxBody) + `"}`, 413, "the body is longer than 16384 bytes", nil},
		"every mistake": {`{"name":7,"mail":"x","email":"x","Name":"Ada"}`, 422, notValid, []mistake{
			{"/Name", "is not a field of a user"},
			{"/email", "is not an e-mail address such as ada@example.com"},
			{"/mail", "is not a field of a user"},
			{"/name", "is not a string"},
		}},
		"nothing set": {`{}`, 422, notValid, []mistake{{"/email", "is required"}, {"/name", "is required"}}},
		"zero byte":   {`{"name":"A\u0000","email":"a@b.c"}`, 422, notValid, []mistake{{"/name", "contains a control character"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			requireProblem(t, call(newAPI(f), "PUT", "/users/7", test.body), test.status, test.detail, test.mistakes...)
			require.Empty(t, f.asked)
		})
	}
}

func TestFailures(t *testing.T) {
	f := &fake{answer: users.Answer{Shard: "shard-3"}}
	a := newAPI(f)
	f.err = &router.UnavailableError{Shard: "shard-3", Err: errors.New("password authentication failed for secret-host")}
	for _, method := range []string{"GET", "PUT"} {
		response := call(a, method, "/users/7", good)
		requireProblem(t, response, http.StatusServiceUnavailable, "shard-3 is unavailable")
		require.Equal(t, "2", response.Header().Get("Retry-After"))
		require.Equal(t, "shard-3", response.Header().Get("X-Shard"))
		require.Empty(t, response.Header().Get("X-Cache"))
	}
	f.err = &router.UnavailableError{Shard: "shard-3", Unknown: true, Err: errors.New("reset")}
	requireProblem(t, call(a, "PUT", "/users/7", good), http.StatusServiceUnavailable,
		"shard-3 is unavailable; the change may have been made, and repeating it does no harm")
	f.err = errors.New("permission denied for table users")
	requireProblem(t, call(a, "GET", "/users/7", ""), http.StatusInternalServerError, "")
}

func TestEveryRequestIsMeasured(t *testing.T) {
	a := newAPI(&fake{answer: users.Answer{}})
	call(a, "GET", "/users/7", "")
	require.Equal(t, http.StatusMethodNotAllowed, call(a, "PATCH", "/users/7", "").Code)
	requireMeasured(t, a, map[string]string{"code": "404", "method": "GET", "route": "/users/{id}"})
}

func TestRequestsAreServedDuringTheDrain(t *testing.T) {
	a := newAPI(&fake{answer: users.Answer{}})
	a.Drain()
	response := call(a, "GET", "/users/7", "")
	require.Equal(t, http.StatusNotFound, response.Code)
	require.Equal(t, "close", response.Header().Get("Connection"), "each connection ends with an answer")
}

// requireMeasured requires that the metric of requests has one with these labels.
func requireMeasured(t *testing.T, a *API, labels map[string]string) {
	t.Helper()
	families, err := a.options.Metrics.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			has := map[string]string{}
			for _, label := range metric.GetLabel() {
				has[label.GetName()] = label.GetValue()
			}
			if maps.Equal(has, labels) {
				require.Equal(t, uint64(1), metric.GetHistogram().GetSampleCount())
				return
			}
		}
	}
	require.Fail(t, "not measured", "%v", labels)
}
