package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

func post(a *API, keys ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest("POST", "/users", strings.NewReader(good))
	for _, key := range keys {
		request.Header.Add("Idempotency-Key", key)
	}
	response := httptest.NewRecorder()
	a.ServeHTTP(response, request)
	return response
}

func TestPost(t *testing.T) {
	f := &fake{version: 1}
	response := post(newAPI(f))
	require.Equal(t, http.StatusCreated, response.Code)
	require.Equal(t, "/users/4711", response.Header().Get("Location"))
	require.Equal(t, "shard-3", response.Header().Get("X-Shard"))
	require.Contains(t, response.Body.String(), `"id":4711,"name":"Ada"`)
	require.Empty(t, f.key)

	require.Equal(t, http.StatusCreated, post(newAPI(f), `"8e03978e-40d5"`).Code)
	require.Equal(t, `"8e03978e-40d5"`, f.key)
}

func TestPostFailures(t *testing.T) {
	const wrongKey = "the Idempotency-Key is not one string of 1 to 255 printable ASCII characters without a space"
	for _, keys := range [][]string{{""}, {"a b"}, {"ö"}, {strings.Repeat("a", 256)}, {"a", "b"}} {
		f := &fake{}
		requireProblem(t, post(newAPI(f), keys...), http.StatusBadRequest, wrongKey)
		require.Empty(t, f.asked)
	}
	requireProblem(t, call(newAPI(&fake{}), "POST", "/users", `{}`), http.StatusUnprocessableEntity, "the user is not valid",
		mistake{"/email", "is required"}, mistake{"/name", "is required"})

	f := &fake{err: users.ErrKeyUsed}
	requireProblem(t, post(newAPI(f), "k"), http.StatusUnprocessableEntity, "the Idempotency-Key was used for another user")
	f.err = &router.UnavailableError{Shard: "shard-3", Unknown: true, Err: errors.New("reset")}
	requireProblem(t, post(newAPI(f), "k"), http.StatusServiceUnavailable,
		"shard-3 is unavailable; the change may have been made, and repeating it does no harm")
	requireProblem(t, post(newAPI(f)), http.StatusServiceUnavailable,
		"shard-3 is unavailable; the user may have been created, and without an Idempotency-Key a second request may create another")
}

func TestDelete(t *testing.T) {
	f := &fake{version: 2}
	response := call(newAPI(f), "DELETE", "/users/7", "")
	require.Equal(t, http.StatusNoContent, response.Code)
	require.Equal(t, "shard-3", response.Header().Get("X-Shard"))
	f.version = 0
	requireProblem(t, call(newAPI(f), "DELETE", "/users/7", ""), http.StatusNotFound, "there is no user 7")
	requireProblem(t, call(newAPI(f), "DELETE", "/users/07", ""), http.StatusBadRequest,
		"the user id is not an integer between -9223372036854775808 and 9223372036854775807 in its shortest form")
}

// shop is one product that may be there.
type shop struct {
	product *users.Product
	err     error
}

func (s *shop) GetProduct(context.Context, int64, string) (*users.Product, string, error) {
	return s.product, "shard-3", s.err
}

func (s *shop) PutProduct(_ context.Context, id int64, sku string, o users.Offer) (*users.Product, string, error) {
	if s.err != nil {
		return nil, "shard-3", s.err
	}
	return &users.Product{UserID: id, SKU: sku, Offer: o, Version: 4, Created: s.product == nil}, "shard-3", nil
}

func (s *shop) DeleteProduct(context.Context, int64, string) (bool, string, error) {
	return s.product != nil, "shard-3", s.err
}

func TestProducts(t *testing.T) {
	s := &shop{}
	a := newAPI(&fake{Products: s})
	const url, body = "/users/7/products/A-1", `{"name":"Lamp","price_cents":1999}`

	requireProblem(t, call(a, "GET", url, ""), http.StatusNotFound, "user 7 has no product A-1")
	requireProblem(t, call(a, "DELETE", url, ""), http.StatusNotFound, "user 7 has no product A-1")
	response := call(a, "PUT", url, body)
	require.Equal(t, http.StatusCreated, response.Code)
	require.JSONEq(t, `{"user_id":7,"sku":"A-1","name":"Lamp","price_cents":1999,"version":4,
		"created_at":"0001-01-01T00:00:00Z","updated_at":"0001-01-01T00:00:00Z"}`, response.Body.String())

	s.product = &users.Product{UserID: 7, SKU: "A-1"}
	require.Equal(t, http.StatusOK, call(a, "PUT", url, body).Code)
	require.Equal(t, http.StatusOK, call(a, "GET", url, "").Code)
	require.Equal(t, http.StatusNoContent, call(a, "DELETE", url, "").Code)

	s.err = users.ErrNoUser
	requireProblem(t, call(a, "PUT", url, body), http.StatusNotFound, "there is no user 7")
}

func TestWrongProducts(t *testing.T) {
	a := newAPI(&fake{Products: &shop{}})
	for _, sku := range []string{"-1", "a%2Fb", "ö", strings.Repeat("a", 65)} {
		requireProblem(t, call(a, "PUT", "/users/7/products/"+sku, `{}`), http.StatusBadRequest,
			"the SKU is not 1 to 64 letters, digits, '.', '_' and '-', of which the first is a letter or a digit")
	}
	for body, mistakes := range map[string][]mistake{
		`{}`:                                   {{"/name", "is required"}, {"/price_cents", "is not between 0 and 1000000000000"}},
		`{"name":"Lamp","price_cents":1.5}`:    {{"/price_cents", "is not an integer"}},
		`{"name":"Lamp","price_cents":"1"}`:    {{"/price_cents", "is not an integer"}},
		`{"name":"Lamp","price_cents":1e13}`:   {{"/price_cents", "is not an integer"}},
		`{"name":7,"price_cents":1,"cur":"€"}`: {{"/cur", "is not a field of a product"}, {"/name", "is not a string"}},
	} {
		requireProblem(t, call(a, "PUT", "/users/7/products/A-1", body), http.StatusUnprocessableEntity, "the product is not valid", mistakes...)
	}
}
