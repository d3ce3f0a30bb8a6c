package auth

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/scalestack/scalestack/services/users/internal/authtest"
	"github.com/stretchr/testify/require"
)

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newVerifier(i *authtest.Issuer) (*Verifier, *clock) {
	c := &clock{now: time.Now()}
	return New(Options{Issuer: i.URL(), Audience: authtest.Audience, UserClaim: "sub", now: c.read}), c
}

func TestWhoTheBearerIs(t *testing.T) {
	key, curve := authtest.RSA(t, "a"), authtest.EC(t, "b")
	issuer := authtest.New(t, key, curve)
	v, _ := newVerifier(issuer)
	verify := func(key authtest.Key, subject string, more map[string]any) Caller {
		t.Helper()
		c, err := v.Verify(t.Context(), issuer.Token(key, subject, more))
		require.NoError(t, err)
		return c
	}
	own := verify(key, "4711", nil)
	require.True(t, own.MayRead(4711) && own.MayWrite(4711))
	require.False(t, own.MayRead(4712) || own.MayWrite(4712) || own.MayCreate())

	for name, more := range map[string]map[string]any{
		"no number": nil, "scope of others": {"scope": "users users:reader"}, "scope that is a number": {"scope": 7}, "scope that is an object": {"scope": map[string]any{ReadScope: true}},
	} {
		stranger := verify(curve, "ada", more)
		require.False(t, stranger.MayRead(0) || stranger.MayWrite(0) || stranger.MayCreate(), name)
	}
	for _, scope := range []map[string]any{{"scope": "openid users:read"}, {"scp": []string{"users:read"}}, {"scp": "users:read"}} {
		reader := verify(key, "report", scope)
		require.True(t, reader.MayRead(1))
		require.False(t, reader.MayWrite(1) || reader.MayCreate())
	}
	writer := verify(key, "shop", map[string]any{"scope": "users:write"})
	require.True(t, writer.MayRead(1) && writer.MayWrite(1) && writer.MayCreate())

	require.NotEqual(t, own.Key("k"), writer.Key("k"), "a key belongs to its caller")
	require.Equal(t, "k", Public().Key("k"), "keys from before there were callers are the public's")
	require.Empty(t, own.Key(""))
}

func TestTheClaimWithTheUser(t *testing.T) {
	key := authtest.RSA(t, "a")
	issuer := authtest.New(t, key)
	v := New(Options{Issuer: issuer.URL(), Audience: authtest.Audience, UserClaim: "user_id"})
	for value, own := range map[any]bool{
		json.Number("9007199254740993"): true, "9007199254740993": true, "09007199254740993": false, " 9007199254740993": false,
		json.Number("9007199254740993.0"): false, true: false,
	} {
		c, err := v.Verify(t.Context(), issuer.Token(key, "9007199254740993", map[string]any{"user_id": value}))
		require.NoError(t, err)
		require.Equal(t, own, c.MayRead(9007199254740993), "%#v", value)
	}
	c, err := v.Verify(t.Context(), issuer.Token(key, "7", nil))
	require.NoError(t, err)
	require.False(t, c.MayRead(7), "sub is not the claim")
}

func TestRefusedTokens(t *testing.T) {
	key, other := authtest.RSA(t, "a"), authtest.RSA(t, "a")
	issuer, elsewhere := authtest.New(t, key), authtest.New(t, key)
	public, err := x509.MarshalPKIXPublicKey(key.Public)
	require.NoError(t, err)
	hmac := func(secret []byte) authtest.Key {
		return authtest.Key{ID: "a", Algorithm: jose.HS256, Private: secret}
	}
	good := issuer.Token(key, "7", nil)
	unsigned := func(alg string) string {
		payload, err := json.Marshal(issuer.Claims("7", nil))
		require.NoError(t, err)
		header := fmt.Sprintf(`{"alg":%q,"kid":"a","typ":"JWT"}`, alg)
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	}
	nameless, unknown := key, key
	nameless.ID, unknown.ID = "", "z"
	for name, test := range map[string]struct{ token, reason string }{
		"empty":                  {"", "empty input"},
		"not a token":            {"a.b.c", ""},
		"alg none":               {unsigned("none"), "unexpected signature algorithm"},
		"alg None":               {unsigned("None"), "unexpected signature algorithm"},
		"HS256, public key, DER": {authtest.Sign(t, hmac(public), issuer.Claims("7", nil)), "unexpected signature algorithm"},
		"HS256, public key, PEM": {authtest.Sign(t, hmac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), issuer.Claims("7", nil)), "unexpected signature algorithm"},
		"another key, same id":   {issuer.Token(other, "7", nil), "failed to verify signature"},
		"changed payload":        {strings.Replace(good, ".", ".e", 1), ""},
		"signature cut":          {good[:len(good)-4], ""},
		"no kid":                 {issuer.Token(nameless, "7", nil), "the token names no key (kid)"},
		"unknown kid":            {issuer.Token(unknown, "7", nil), `the issuer has no key "z"`},
		"expired":                {issuer.Token(key, "7", map[string]any{"exp": time.Now().Add(-time.Second).Unix()}), "token is expired"},
		"no expiry":              {issuer.Token(key, "7", map[string]any{"exp": nil}), "token is expired"},
		"not before":             {issuer.Token(key, "7", map[string]any{"nbf": time.Now().Add(6 * time.Minute).Unix()}), "before the nbf"},
		"other audience":         {issuer.Token(key, "7", map[string]any{"aud": []string{"orders", "user"}}), "expected audience"},
		"no audience":            {issuer.Token(key, "7", map[string]any{"aud": nil}), "expected audience"},
		"other issuer, same key": {elsewhere.Token(key, "7", nil), "issued by a different provider"},
		"no issuer":              {issuer.Token(key, "7", map[string]any{"iss": nil}), "issued by a different provider"},
		"no subject":             {issuer.Token(key, "", nil), "the token has no sub"},
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := newVerifier(issuer)
			caller, err := v.Verify(t.Context(), test.token)
			require.ErrorContains(t, err, test.reason)
			require.NotErrorIs(t, err, ErrUnavailable)
			require.Equal(t, Caller{}, caller)
		})
	}
}

func TestAKeyIsForOneAlgorithm(t *testing.T) {
	key := authtest.RSA(t, "a")
	issuer := authtest.New(t, key)
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: key.Public, KeyID: "a", Algorithm: "RS256", Use: "sig"}, {Key: key.Public, KeyID: "e", Use: "enc"}, {Key: []byte("secret-secret-secret-secret-secret"), KeyID: "s"}}}
	text, err := json.Marshal(set)
	require.NoError(t, err)
	document := string(text)
	issuer.Document.Store(&document)
	v, _ := newVerifier(issuer)
	_, err = v.Verify(t.Context(), issuer.Token(key, "7", nil))
	require.NoError(t, err)

	key.Algorithm = jose.PS256
	_, err = v.Verify(t.Context(), issuer.Token(key, "7", nil))
	require.ErrorContains(t, err, `the key "a" is for RS256 and not for PS256`)
	key.Algorithm = jose.RS256
	for _, id := range []string{"e", "s"} {
		key.ID = id
		_, err = v.Verify(t.Context(), issuer.Token(key, "7", nil))
		require.ErrorContains(t, err, "the issuer has no key", "a key for encryption or a secret verifies nothing")
	}
}
