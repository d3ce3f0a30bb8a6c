package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	// fetchTimeout bounds the two requests to the issuer together.
	fetchTimeout = 5 * time.Second
	// maxKeys is many times what issuers send.
	maxKeys = 1 << 20
)

// fetch asks the issuer for its keys. A set of which no key can verify a token is
// an error: it must not take the place of one that can.
func fetch(ctx context.Context, o Options) (map[string]jose.JSONWebKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, o.Client), o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	var endpoints struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&endpoints); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	// The keys are worth what their transport is worth.
	if strings.HasPrefix(o.Issuer, "https://") && !strings.HasPrefix(endpoints.Keys, "https://") {
		return nil, fmt.Errorf("discovery: jwks_uri %q is not an address with https", endpoints.Keys)
	}
	text, err := get(ctx, o.Client, endpoints.Keys)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return usable(text)
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", url, response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxKeys))
}

// usable returns the keys that can verify a signature, by their ids. A key that
// this service cannot read is no reason to refuse the others.
func usable(text []byte) (map[string]jose.JSONWebKey, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	set := map[string]jose.JSONWebKey{}
	for _, one := range document.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(one) != nil || !key.Valid() || !key.IsPublic() || key.KeyID == "" || key.Use != "" && key.Use != "sig" {
			continue
		}
		if _, twice := set[key.KeyID]; twice {
			return nil, fmt.Errorf("keys: two keys have the id %q", key.KeyID)
		}
		set[key.KeyID] = key
	}
	if len(set) == 0 {
		return nil, errors.New("keys: none of them can verify a token")
	}
	return set, nil
}
