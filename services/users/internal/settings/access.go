package settings

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"

	"github.com/scalestack/scalestack/sharding/settings"
)

func init() {
	settings.AddRule("issuer", "an https address without a query, or http to a loopback address", isIssuer)
	settings.AddRule("header", "the name of a header", isHeader)
	settings.AddRule("mailbox", "a mail address such as Shop <shop@example.com>", func(text string) bool { _, err := mail.ParseAddress(text); return err == nil })
}

// Access says who may use the service, and how often. Without Public or an issuer
// nothing starts: that nobody asks who a caller is must be said.
type Access struct {
	Public        bool   `env:"SCALESTACK_PUBLIC" envDefault:"false" doc:"true lets everybody read, change and delete every user without a token; excludes an issuer"`
	Issuer        string `env:"SCALESTACK_OIDC_ISSUER" validate:"omitempty,issuer" doc:"issuer of the callers' OpenID Connect tokens, as iss spells it; asked for its keys"`
	Audience      string `env:"SCALESTACK_OIDC_AUDIENCE" doc:"what the issuer calls this service: a token must have it in aud"`
	UserClaim     string `env:"SCALESTACK_OIDC_USER_CLAIM" envDefault:"sub" doc:"claim with the id of the caller's own user; the scopes users:read and users:write allow it all users"`
	CA            string `env:"SCALESTACK_OIDC_CA" validate:"omitempty,abspath" doc:"PEM file of the authorities that the issuer's certificate comes from, empty for those of the system; read at the start"`
	RateLimit     int    `env:"SCALESTACK_RATE_LIMIT" envDefault:"50" validate:"min=1,max=1000000" doc:"most requests a second of one caller to this process; further ones get 429. Without a token a caller is an IPv4 address or an IPv6 network of 64 bits"`
	RateBurst     int    `env:"SCALESTACK_RATE_BURST" envDefault:"100" validate:"min=1,max=1000000" doc:"most requests of one caller at once"`
	AddressHeader string `env:"SCALESTACK_ADDRESS_HEADER" validate:"omitempty,header" doc:"header in which the gateway names the client's address, such as CF-Connecting-IP; only where nobody but the gateway can connect, since anybody can send it. Empty for the connection's own address"`
}

// isIssuer takes http on the loopback only: whoever changes the keys on their way
// can be anybody.
func isIssuer(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && err == nil && address.IsLoopback()
}

// isHeader reports whether a text can be the name of a header (RFC 9110, 5.6.2).
func isHeader(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

func (a *Access) mistakes() []error {
	switch {
	case a.Public && a.Issuer != "":
		return []error{fmt.Errorf("SCALESTACK_PUBLIC: true excludes SCALESTACK_OIDC_ISSUER (%s): nobody would ask for tokens", a.Issuer)}
	case a.Public:
		return nil
	case a.Issuer == "":
		return []error{errors.New("SCALESTACK_OIDC_ISSUER: is required, or SCALESTACK_PUBLIC=true to let everybody read, change and delete every user")}
	case a.Audience == "":
		return []error{errors.New("SCALESTACK_OIDC_AUDIENCE: is required with SCALESTACK_OIDC_ISSUER: tokens for other services would be accepted")}
	}
	return nil
}
