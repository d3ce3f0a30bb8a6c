// Package auth identifies who sent a request: it verifies OpenID Connect tokens and
// says what their bearer may do.
//
// go-oidc verifies the tokens. Kubernetes, Dex and Vault use it, so it keeps up with
// attacks; it brings only go-jose and oauth2. Its own key set is not used, because that
// keeps a key for ever once the issuer has published it, and asks the issuer again for
// every token with an unknown key.
package auth

import (
	"slices"
	"strconv"
)

// The scopes that a token can grant for all users. Without one, the bearer has
// its own user and nothing else.
const (
	ReadScope  = "users:read"
	WriteScope = "users:write"
)

// Caller is who sent a request. The zero Caller may do nothing.
type Caller struct {
	// name tells callers apart; "" for the public.
	name string
	// user is the user that the caller is, nil if it is none.
	user   *int64
	scopes []string
	public bool
}

// Public is everybody, where nobody has to say who they are.
func Public() Caller { return Caller{public: true} }

// MayRead reports whether the caller may read a user and its products.
func (c Caller) MayRead(id int64) bool { return c.MayWrite(id) || slices.Contains(c.scopes, ReadScope) }

// MayWrite reports whether the caller may change and delete the user with this id, and
// its products. Creating a user also requires MayCreate, whatever the id.
func (c Caller) MayWrite(id int64) bool { return c.MayCreate() || c.user != nil && *c.user == id }

// MayCreate reports whether the caller may create users and bring back deleted ones.
// Each gets a mail at an address that the caller chooses, so a person's own token is
// not enough.
func (c Caller) MayCreate() bool { return c.public || slices.Contains(c.scopes, WriteScope) }

// Name tells callers apart; it is the same for everybody where the service is
// public.
func (c Caller) Name() string { return c.name }

// Key returns the caller's idempotency key: the same text from another caller is
// another key. Keys contain no zero byte, so two pairs never look alike.
func (c Caller) Key(key string) string {
	if key == "" || c.name == "" {
		return key
	}
	return c.name + "\x00" + key
}

// parseID accepts the one spelling of an id that the API does.
func parseID(text string) *int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(id, 10) != text {
		return nil
	}
	return &id
}
