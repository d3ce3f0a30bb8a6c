package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/auth"
	"github.com/scalestack/scalestack/services/users/internal/authtest"
	"github.com/scalestack/scalestack/services/users/internal/ratelimit"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/stretchr/testify/require"
)

func apiWith(s Service, access Access) *API {
	return New(s, Options{Timeout: time.Second, MaxRequests: 100, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Access: access})
}

// everything is one request for each route under /users, about user 7.
var everything = []struct {
	method, path, body string
	who                string
}{
	{"GET", "/users/7", "", "reader"},
	{"HEAD", "/users/7", "", "reader"},
	{"PUT", "/users/7", good, "owner"},
	{"DELETE", "/users/7", "", "owner"},
	{"GET", "/users/7/products/A", "", "reader"},
	{"PUT", "/users/7/products/A", `{"name":"Lamp","price_cents":1}`, "owner"},
	{"DELETE", "/users/7/products/A", "", "owner"},
	{"POST", "/users", good, "writer"},
}

func send(a *API, method, path, body string, tokens ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, token := range tokens {
		request.Header.Add("Authorization", token)
	}
	response := httptest.NewRecorder()
	a.ServeHTTP(response, request)
	return response
}

// TestWhoMay sends every request as everybody, with real tokens.
func TestWhoMay(t *testing.T) {
	key := authtest.RSA(t, "a")
	issuer := authtest.New(t, key)
	verifier := auth.New(auth.Options{Issuer: issuer.URL(), Audience: authtest.Audience, UserClaim: "sub"})
	bearer := func(subject string, more map[string]any) string { return "Bearer " + issuer.Token(key, subject, more) }
	callers := map[string]string{
		"nobody":   "",
		"stranger": bearer("8", nil),
		"reader":   bearer("report", map[string]any{"scope": "users:read"}),
		"owner":    bearer("7", nil),
		"writer":   bearer("shop", map[string]any{"scope": "users:write"}),
	}
	allowed := map[string][]string{"reader": {"reader", "owner", "writer"}, "owner": {"owner", "writer"}, "writer": {"writer"}}
	for _, one := range everything {
		for name, token := range callers {
			f := &fake{answer: users.Answer{User: &users.User{ID: 7}}, version: 2, Products: &shop{product: &users.Product{}}}
			var tokens []string
			if token != "" {
				tokens = append(tokens, token)
			}
			status := send(apiWith(f, Access{Verifier: verifier}), one.method, one.path, one.body, tokens...).Code
			want := http.StatusForbidden
			switch {
			case token == "":
				want = http.StatusUnauthorized
			case strings.Contains(strings.Join(allowed[one.who], " "), name):
				require.Equal(t, 2, status/100, "%s %s as %s: %d", one.method, one.path, name, status)
				continue
			}
			require.Equal(t, want, status, "%s %s as %s", one.method, one.path, name)
			require.Empty(t, f.asked, "%s %s as %s", one.method, one.path, name)
		}
	}
}

// Whoever is created gets a mail, so that PUT asks for what POST does.
func TestAPersonCreatesNobody(t *testing.T) {
	key := authtest.RSA(t, "a")
	issuer := authtest.New(t, key)
	verifier := auth.New(auth.Options{Issuer: issuer.URL(), Audience: authtest.Audience, UserClaim: "sub"})
	put := func(version int64, subject string, more map[string]any) *httptest.ResponseRecorder {
		return send(apiWith(&fake{version: version}, Access{Verifier: verifier}), "PUT", "/users/7", good, "Bearer "+issuer.Token(key, subject, more))
	}
	writer := map[string]any{"scope": "users:write"}
	require.Equal(t, http.StatusCreated, put(1, "shop", writer).Code)
	require.Equal(t, http.StatusCreated, put(1, "7", writer).Code)
	require.Equal(t, http.StatusOK, put(2, "7", nil).Code)
	refused := put(1, "7", nil)
	requireProblem(t, refused, http.StatusForbidden, "there is no user 7, and the token does not allow to create one")
	require.Equal(t, `Bearer error="insufficient_scope"`, refused.Header().Get("WWW-Authenticate"))
}

type verifying func(token string) (auth.Caller, error)

func (v verifying) Verify(_ context.Context, token string) (auth.Caller, error) { return v(token) }

func TestWithoutAGoodTokenNothingIsServed(t *testing.T) {
	verifier := verifying(func(token string) (auth.Caller, error) {
		if token == "unavailable" {
			return auth.Public(), auth.ErrUnavailable
		}
		return auth.Public(), errors.New("a secret reason")
	})
	for name, test := range map[string]struct {
		access  Access
		headers []string
		status  int
		detail  string
		header  string
		value   string
	}{
		"no access at all": {Access{}, []string{"Bearer a"}, 503, "tokens cannot be verified now", "Retry-After", "2"},
		"no token":         {Access{Verifier: verifier}, nil, 401, "send one header Authorization with a Bearer token", "WWW-Authenticate", "Bearer"},
		"two tokens":       {Access{Verifier: verifier}, []string{"Bearer a", "Bearer a"}, 401, "send one header Authorization with a Bearer token", "WWW-Authenticate", "Bearer"},
		"another scheme":   {Access{Verifier: verifier}, []string{"Basic YTpi"}, 401, "send one header Authorization with a Bearer token", "WWW-Authenticate", "Bearer"},
		"empty token":      {Access{Verifier: verifier}, []string{"Bearer "}, 401, "send one header Authorization with a Bearer token", "WWW-Authenticate", "Bearer"},
		"bad token":        {Access{Verifier: verifier}, []string{"bearer a"}, 401, "the token is not valid", "WWW-Authenticate", `Bearer error="invalid_token"`},
		"no keys":          {Access{Verifier: verifier}, []string{"Bearer unavailable"}, 503, "tokens cannot be verified now", "Retry-After", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, one := range everything {
				if one.method == "HEAD" {
					continue
				}
				f := &fake{version: 1}
				response := send(apiWith(f, test.access), one.method, one.path, one.body, test.headers...)
				requireProblem(t, response, test.status, test.detail)
				require.Equal(t, test.value, response.Header().Get(test.header))
				require.Empty(t, f.asked)
			}
		})
	}
	a := apiWith(&fake{}, Access{})
	require.Equal(t, http.StatusOK, call(a, "GET", "/static/app.css", "").Code, "assets are for everybody")
}

func TestIdempotencyKeysBelongToTheirCaller(t *testing.T) {
	key := authtest.RSA(t, "a")
	issuer := authtest.New(t, key)
	f := &fake{version: 1}
	a := apiWith(f, Access{Verifier: auth.New(auth.Options{Issuer: issuer.URL(), Audience: authtest.Audience, UserClaim: "sub"})})
	keyOf := func(subject string) string {
		request := httptest.NewRequest("POST", "/users", strings.NewReader(good))
		request.Header.Set("Authorization", "Bearer "+issuer.Token(key, subject, map[string]any{"scope": auth.WriteScope}))
		request.Header.Set("Idempotency-Key", "k")
		response := httptest.NewRecorder()
		a.ServeHTTP(response, request)
		require.Equal(t, http.StatusCreated, response.Code)
		return f.key
	}
	require.Equal(t, keyOf("shop"), keyOf("shop"))
	require.NotEqual(t, keyOf("shop"), keyOf("app"))
}

func TestEachCallerHasALimit(t *testing.T) {
	verifier := verifying(func(string) (auth.Caller, error) { return auth.Public(), nil })
	from := func(a *API, remote string, headers ...string) *httptest.ResponseRecorder {
		request := httptest.NewRequest("GET", "/users/7", nil)
		request.RemoteAddr = remote
		request.Header.Set("Authorization", "Bearer a")
		for _, value := range headers {
			request.Header.Add("CF-Connecting-IP", value)
		}
		response := httptest.NewRecorder()
		a.ServeHTTP(response, request)
		return response
	}
	for _, access := range []Access{{Public: true}, {Verifier: verifier}} {
		access.Limiter = ratelimit.New(1, 2)
		a := apiWith(&fake{}, access)
		for range 2 {
			require.Equal(t, http.StatusNotFound, from(a, "192.0.2.1:1").Code)
		}
		refused := from(a, "192.0.2.1:2")
		requireProblem(t, refused, http.StatusTooManyRequests, "too many requests from this caller")
		require.Equal(t, "1", refused.Header().Get("Retry-After"))
		require.Equal(t, http.StatusTooManyRequests, from(a, "192.0.2.1:2", "192.0.2.9").Code, "a header that nobody asked for")
		require.Equal(t, http.StatusNotFound, from(a, "192.0.2.2:1").Code)
		require.Equal(t, http.StatusOK, call(a, "GET", "/static/app.css", "").Code)
	}

	a := apiWith(&fake{}, Access{Public: true, AddressHeader: "CF-Connecting-IP", Limiter: ratelimit.New(1, 1)})
	for remote, headers := range map[string][]string{"1": {"192.0.2.1"}, "2": {"192.0.2.2"}, "3": {"2001:db8::1"}} {
		require.Equal(t, http.StatusNotFound, from(a, "192.0.2.7:"+remote, headers...).Code)
	}
	for name, headers := range map[string][]string{"same": {"192.0.2.1"}, "as IPv6": {"::ffff:192.0.2.1"}, "same network": {"2001:db8::2"}} {
		require.Equal(t, http.StatusTooManyRequests, from(a, "192.0.2.7:1", headers...).Code, name)
	}
	require.Equal(t, http.StatusNotFound, from(a, "192.0.2.7:1", "a").Code)
	require.Equal(t, http.StatusTooManyRequests, from(a, "192.0.2.7:1", "b").Code, "made-up addresses share one limit")
	require.Equal(t, http.StatusNotFound, from(a, "192.0.2.8:1", "192.0.2.3", "192.0.2.4").Code, "two headers count as none")
}
