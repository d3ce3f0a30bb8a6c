// Package authtest is an issuer of tokens for tests.
package authtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"
)

// Audience is what the issuer calls the service under test.
const Audience = "users"

// Issuer serves discovery and keys on the loopback.
type Issuer struct {
	// Asked counts the requests for keys.
	Asked atomic.Int64
	// Down makes it answer 503.
	Down atomic.Bool
	// Document replaces the keys, if it is not nil.
	Document atomic.Pointer[string]

	t      testing.TB
	server *httptest.Server
	keys   atomic.Pointer[jose.JSONWebKeySet]
}

// Key is a key pair of an issuer.
type Key struct {
	ID        string
	Algorithm jose.SignatureAlgorithm
	Private   any
	Public    any
}

// RSA returns a new key.
func RSA(t testing.TB, id string) Key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return Key{ID: id, Algorithm: jose.RS256, Private: private, Public: private.Public()}
}

// EC returns a new key on the curve P-256.
func EC(t testing.TB, id string) Key {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return Key{ID: id, Algorithm: jose.ES256, Private: private, Public: private.Public()}
}

// New starts an issuer with these keys.
func New(t testing.TB, keys ...Key) *Issuer {
	i := &Issuer{t: t}
	i.Publish(keys...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{"issuer": i.URL(), "jwks_uri": i.URL() + "/keys", "authorization_endpoint": i.URL() + "/authorize",
			"token_endpoint": i.URL() + "/token", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.Asked.Add(1)
		if text := i.Document.Load(); text != nil {
			_, _ = w.Write([]byte(*text))
			return
		}
		i.answer(w, i.keys.Load())
	})
	i.server = httptest.NewServer(mux)
	t.Cleanup(i.server.Close)
	return i
}

func (i *Issuer) answer(w http.ResponseWriter, body any) {
	if i.Down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// URL is the issuer's address.
func (i *Issuer) URL() string { return i.server.URL }

// Publish replaces the keys.
func (i *Issuer) Publish(keys ...Key) {
	set := &jose.JSONWebKeySet{}
	for _, key := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public, KeyID: key.ID, Use: "sig"})
	}
	i.keys.Store(set)
}

// Claims are those of a good token for a subject; more replaces and adds, and nil
// takes away.
func (i *Issuer) Claims(subject string, more map[string]any) map[string]any {
	claims := map[string]any{"iss": i.URL(), "aud": Audience, "sub": subject, "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix()}
	for name, value := range more {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// Token signs claims.
func (i *Issuer) Token(key Key, subject string, more map[string]any) string {
	return Sign(i.t, key, i.Claims(subject, more))
}

// Sign makes a token; the header names the key unless it has no id.
func Sign(t testing.TB, key Key, claims map[string]any) string {
	options := (&jose.SignerOptions{}).WithType("JWT")
	if key.ID != "" {
		options = options.WithHeader("kid", key.ID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.Algorithm, Key: key.Private}, options)
	require.NoError(t, err)
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	require.NoError(t, err)
	return token
}
