package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

const (
	// refreshEvery is how long a key is still accepted after the issuer has withdrawn
	// it.
	refreshEvery = 5 * time.Minute
	// retryEvery is how soon an issuer that has not answered is asked again.
	retryEvery = 10 * time.Second
	// maxAge is how long keys are used while the issuer does not answer. Tokens usually
	// live no longer than an hour, so after that long without an issuer there is nobody
	// left to serve.
	maxAge = time.Hour
	// askEvery limits the effect of tokens with unknown keys: they make this process
	// ask the issuer at most once in this time.
	askEvery = 10 * time.Second
)

// keys are the issuer's public keys.
type keys struct {
	options Options
	flight  singleflight.Group
	asks    *rate.Limiter

	mu  sync.RWMutex
	set map[string]jose.JSONWebKey
	at  time.Time
}

func newKeys(o Options) *keys {
	return &keys{options: o, asks: rate.NewLimiter(rate.Every(askEvery), 1)}
}

// follow refreshes the keys until the context ends.
func (k *keys) follow(ctx context.Context) {
	for {
		wait := refreshEvery
		if err := k.refresh(ctx); err != nil {
			wait = retryEvery
			k.options.Log.Warn("cannot get the issuer's keys", "issuer", k.options.Issuer, "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// known reports whether there are keys that may be used.
func (k *keys) known() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.set != nil && k.options.now().Sub(k.at) < maxAge
}

// find returns the key with this id. One that is not known may be new: then the
// issuer is asked.
func (k *keys) find(ctx context.Context, id, algorithm string) (jose.JSONWebKey, error) {
	if id == "" {
		return jose.JSONWebKey{}, errors.New("the token names no key (kid)")
	}
	key, found := k.look(id)
	if !found && k.asks.AllowN(k.options.now(), 1) {
		if err := k.refresh(ctx); err != nil {
			k.options.Log.Warn("cannot get the issuer's keys", "issuer", k.options.Issuer, "error", err.Error())
		}
		key, found = k.look(id)
	}
	switch {
	case !k.known():
		return jose.JSONWebKey{}, ErrUnavailable
	case !found:
		return jose.JSONWebKey{}, fmt.Errorf("the issuer has no key %q", id)
	case key.Algorithm != "" && key.Algorithm != algorithm:
		return jose.JSONWebKey{}, fmt.Errorf("the key %q is for %s and not for %s", id, key.Algorithm, algorithm)
	}
	return key, nil
}

func (k *keys) look(id string) (jose.JSONWebKey, bool) {
	if !k.known() {
		return jose.JSONWebKey{}, false
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, found := k.set[id]
	return key, found
}

// refresh replaces the keys by those that the issuer has now. Callers at the same
// time share one attempt, which does not end with any of them.
func (k *keys) refresh(ctx context.Context) error {
	done := k.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		set, err := fetch(ctx, k.options)
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.set, k.at = set, k.options.now()
		return nil, nil
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}
