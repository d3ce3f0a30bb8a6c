package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// caller reads who the bearer of a verified token is.
func (v *Verifier) caller(token *oidc.IDToken) (Caller, error) {
	if token.Subject == "" {
		return Caller{}, errors.New("the token has no sub")
	}
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return Caller{}, err
	}
	c := Caller{name: token.Issuer + "\x00" + token.Subject}
	for _, name := range []string{"scope", "scp"} {
		c.scopes = append(c.scopes, scopes(claims[name])...)
	}
	c.user = parseID(scalar(claims[v.options.UserClaim]))
	return c, nil
}

// scopes reads one string with spaces between them (RFC 9068) or a list, as some
// issuers have it. Anything else grants nothing.
func scopes(claim json.RawMessage) []string {
	var list []string
	if json.Unmarshal(claim, &list) == nil {
		return list
	}
	return strings.Fields(scalar(claim))
}

// scalar reads a string, or a number with all its digits; "" is neither.
func scalar(claim json.RawMessage) string {
	decoder := json.NewDecoder(bytes.NewReader(claim))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return ""
	}
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}
