package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/scalestack/scalestack/services/users/internal/api"
	"github.com/scalestack/scalestack/services/users/internal/auth"
	"github.com/scalestack/scalestack/services/users/internal/ratelimit"
	"github.com/scalestack/scalestack/services/users/internal/settings"
)

// tokens is the verifier of callers' tokens, nil where the service is public.
type tokens struct{ *auth.Verifier }

// newAccess builds what decides who may use the service.
func newAccess(s settings.Access, log *slog.Logger) (api.Access, tokens, error) {
	access := api.Access{Public: s.Public, Limiter: ratelimit.New(s.RateLimit, s.RateBurst), AddressHeader: s.AddressHeader}
	if s.Public {
		log.Warn("everybody may read, change and delete every user: SCALESTACK_PUBLIC is true")
		return access, tokens{}, nil
	}
	client, err := issuerClient(s.CA)
	if err != nil {
		return api.Access{}, tokens{}, fmt.Errorf("SCALESTACK_OIDC_CA: %w", err)
	}
	verifier := auth.New(auth.Options{Issuer: s.Issuer, Audience: s.Audience, UserClaim: s.UserClaim, Client: client, Log: log})
	access.Verifier = verifier
	return access, tokens{verifier}, nil
}

// issuerClient trusts the authorities of a file, or the system's.
func issuerClient(file string) (*http.Client, error) {
	if file == "" {
		return http.DefaultClient, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}, nil
}

func (t tokens) follow(ctx context.Context) {
	if t.Verifier != nil {
		t.Follow(ctx)
	}
}

// ready returns nil once tokens can be verified: pods that reach no issuer must not
// replace those that do.
func (t tokens) ready(ctx context.Context) error {
	if t.Verifier == nil {
		return nil
	}
	return t.Ready(ctx)
}
