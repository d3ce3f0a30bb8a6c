package auth

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/authtest"
	"github.com/stretchr/testify/require"
)

func TestAnUnreachableIssuerLetsNobodyIn(t *testing.T) {
	key := authtest.RSA(t, "a")
	issuer := authtest.New(t, key)
	issuer.Down.Store(true)
	v, clock := newVerifier(issuer)
	token := issuer.Token(key, "7", map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()})
	_, err := v.Verify(t.Context(), token)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, v.Ready(t.Context()), ErrUnavailable)

	issuer.Down.Store(false)
	clock.pass(askEvery)
	_, err = v.Verify(t.Context(), token)
	require.NoError(t, err)
	require.NoError(t, v.Ready(t.Context()))

	issuer.Down.Store(true)
	clock.pass(maxAge - time.Second)
	_, err = v.Verify(t.Context(), token)
	require.NoError(t, err, "known keys outlast a short absence")
	clock.pass(time.Second)
	_, err = v.Verify(t.Context(), token)
	require.ErrorIs(t, err, ErrUnavailable, "and not a long one")
}

func TestKeysRotate(t *testing.T) {
	old, next := authtest.RSA(t, "old"), authtest.EC(t, "next")
	issuer := authtest.New(t, old)
	v, clock := newVerifier(issuer)
	accepted := func(key authtest.Key) bool {
		_, err := v.Verify(t.Context(), issuer.Token(key, "7", nil))
		return err == nil
	}
	require.True(t, accepted(old))
	issuer.Publish(old, next)
	clock.pass(askEvery)
	require.True(t, accepted(next), "an unknown key is asked for at once")
	require.True(t, accepted(old))
	issuer.Publish(next)
	require.NoError(t, v.keys.refresh(t.Context()))
	require.False(t, accepted(old), "what the issuer has withdrawn is refused")
	require.True(t, accepted(next))
}

func TestUnusableKeysDoNotReplaceGoodOnes(t *testing.T) {
	key := authtest.RSA(t, "a")
	issuer := authtest.New(t, key)
	v, _ := newVerifier(issuer)
	require.NoError(t, v.keys.refresh(t.Context()))
	for _, document := range []string{``, `{}`, `{"keys":[]}`, `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"}]}`, `{"keys":[{"kty":"new","kid":"b"}]}`, `<html>`} {
		issuer.Document.Store(&document)
		require.Error(t, v.keys.refresh(t.Context()), document)
		_, err := v.Verify(t.Context(), issuer.Token(key, "7", nil))
		require.NoError(t, err, document)
	}
}

// An issuer must not be asked as often as strangers make up keys.
func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	key, stranger := authtest.RSA(t, "a"), authtest.RSA(t, "z")
	issuer := authtest.New(t, key)
	v, clock := newVerifier(issuer)
	_, err := v.Verify(t.Context(), issuer.Token(key, "7", nil))
	require.NoError(t, err)
	clock.pass(askEvery)
	before := issuer.Asked.Load()
	token := issuer.Token(stranger, "7", nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { _, _ = v.Verify(t.Context(), token) })
	}
	all.Wait()
	require.Equal(t, before+1, issuer.Asked.Load())
}

func TestFollowGetsTheKeys(t *testing.T) {
	issuer := authtest.New(t, authtest.RSA(t, "a"))
	v, _ := newVerifier(issuer)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { v.Follow(ctx); close(ended) }()
	require.Eventually(t, func() bool { return v.Ready(ctx) == nil }, 5*time.Second, time.Millisecond)
	stop()
	<-ended
}
