package auth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// algorithms are those of OpenID Connect with a public key. With "none" nobody
// has signed, and with HS256 the public key would be the secret.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

func algorithmNames() (names []string) {
	for _, one := range algorithms {
		names = append(names, string(one))
	}
	return names
}

// Options say whose tokens are accepted. Issuer, Audience and UserClaim are
// required.
type Options struct {
	// Issuer is the address of the issuer, as its tokens spell it in iss.
	Issuer string
	// Audience is what the issuer calls this service in aud.
	Audience string
	// UserClaim is the claim with the id of the bearer's own user.
	UserClaim string
	// Client asks the issuer; default http.DefaultClient.
	Client *http.Client
	// Log gets news of the issuer; default none.
	Log *slog.Logger

	now func() time.Time
}

// Verifier verifies tokens.
type Verifier struct {
	options Options
	keys    *keys
}

// ErrUnavailable says that a token can neither be accepted nor refused: the
// issuer's keys are not known.
var ErrUnavailable = errors.New("the issuer's keys are not known")

// New returns a Verifier that knows no key yet; [Verifier.Follow] fetches them.
func New(o Options) *Verifier {
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.now == nil {
		o.now = time.Now
	}
	return &Verifier{options: o, keys: newKeys(o)}
}

// Follow fetches the issuer's keys, and again every five minutes, until the context
// ends: a key that the issuer withdraws is then refused.
func (v *Verifier) Follow(ctx context.Context) { v.keys.follow(ctx) }

// Ready returns nil once tokens can be verified.
func (v *Verifier) Ready(context.Context) error {
	if v.keys.known() {
		return nil
	}
	return ErrUnavailable
}

// Verify returns the bearer of a token. An error that is not [ErrUnavailable] says
// why the token is refused.
func (v *Verifier) Verify(ctx context.Context, raw string) (Caller, error) {
	parsed, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return Caller{}, err
	}
	header := parsed.Signatures[0].Protected
	key, err := v.keys.find(ctx, header.KeyID, header.Algorithm)
	if err != nil {
		return Caller{}, err
	}
	one := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key.Key}}
	token, err := oidc.NewVerifier(v.options.Issuer, one, &oidc.Config{
		ClientID: v.options.Audience, SupportedSigningAlgs: algorithmNames(), Now: v.options.now,
	}).Verify(ctx, raw)
	if err != nil {
		return Caller{}, fmt.Errorf("key %q: %w", header.KeyID, err)
	}
	return v.caller(token)
}
