package main

import (
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/stretchr/testify/require"
)

func TestTheIssuersAuthorities(t *testing.T) {
	issuer := httptest.NewTLSServer(http.NotFoundHandler())
	defer issuer.Close()
	file := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw}), 0o600))
	ask := func(file string) error {
		client, err := issuerClient(file)
		require.NoError(t, err)
		response, err := client.Get(issuer.URL)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	require.NoError(t, ask(file))
	require.ErrorContains(t, ask(""), "certificate signed by unknown authority")
}

func TestAccessNeedsWhatItNames(t *testing.T) {
	limits := settings.Access{RateLimit: 1, RateBurst: 1, Issuer: "https://login.example.com", Audience: "users", UserClaim: "sub"}
	log := slog.New(slog.DiscardHandler)
	empty := filepath.Join(t.TempDir(), "empty.crt")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for file, reason := range map[string]string{"/no/such/file": "no such file", empty: "holds no certificate"} {
		broken := limits
		broken.CA = file
		_, _, err := newAccess(broken, log)
		require.ErrorContains(t, err, "SCALESTACK_OIDC_CA: ")
		require.ErrorContains(t, err, reason)
	}
	access, verifier, err := newAccess(limits, log)
	require.NoError(t, err)
	require.False(t, access.Public)
	require.NotNil(t, access.Verifier)
	require.Error(t, verifier.ready(t.Context()), "a pod without keys is not ready")

	access, verifier, err = newAccess(settings.Access{RateLimit: 1, RateBurst: 1, Public: true}, log)
	require.NoError(t, err)
	require.True(t, access.Public)
	require.NoError(t, verifier.ready(t.Context()))
}
