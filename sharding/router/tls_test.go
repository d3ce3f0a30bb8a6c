package router_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/stretchr/testify/require"
)

// encrypted are shards that refuse clear text.
func encrypted(t *testing.T) (*pgtest.Shards, *certtest.Authority) {
	shards, former, _ := start(t, 1)
	former.Close()
	authority := certtest.NewAuthority(t, "old")
	shards.Encrypt(authority)
	return shards, authority
}

// refused tries to connect with these settings, and returns why that failed.
func refused(t *testing.T, s settings.Shards) error {
	t.Helper()
	r, err := newRouter(s)
	if err != nil {
		return err
	}
	defer r.Close()
	_, _, err = accounts.NewStore(r).Get(t.Context(), 4)
	require.Error(t, err)
	return err
}

func TestEverySessionIsEncrypted(t *testing.T) {
	direct(t)
	shards, _ := encrypted(t)
	r, err := newRouter(shards.App)
	require.NoError(t, err)
	defer r.Close()
	put(t, accounts.NewStore(r), 4)
	const sessions = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'test' AND ssl = $1"
	require.Positive(t, shards.Servers[0].Count("postgres", sessions, true))
	require.Zero(t, shards.Servers[0].Count("postgres", sessions, false))
}

// Neither side falls back to clear text, and verify-full does not take another's
// certificate for the shard's.
func TestTLSIsRefused(t *testing.T) {
	direct(t)
	plain, _, _ := start(t, 1)
	shards, _ := encrypted(t)
	other := certtest.NewAuthority(t, "other")

	clear := shards.App
	clear.SSLMode = "disable"
	require.ErrorContains(t, refused(t, clear), "no encryption", "a client in clear")

	verifying := plain.App
	verifying.SSLMode, verifying.SSLRootCert = "verify-full", shards.App.SSLRootCert
	require.ErrorContains(t, refused(t, verifying), "server refused TLS connection", "a server without TLS")

	stranger := shards.App
	stranger.SSLRootCert = t.TempDir() + "/ca.crt"
	require.NoError(t, os.WriteFile(stranger.SSLRootCert, other.Certificate, 0o600))
	require.ErrorContains(t, refused(t, stranger), "certificate signed by unknown authority")

	absent := shards.App
	absent.SSLRootCert = t.TempDir() + "/ca.crt"
	require.ErrorContains(t, refused(t, absent), "unable to read CA file")

	// The same server under a name that its certificate does not have.
	shards.Map.Shards[0].Host = "localhost"
	shards.Write(shards.Map)
	require.ErrorContains(t, refused(t, shards.App), "localhost")
}

// An authority is replaced while the router runs: the clients trust both for a while.
func TestAnAuthorityIsReplaced(t *testing.T) {
	direct(t)
	shards, former := encrypted(t)
	server, next := shards.Servers[0], certtest.NewAuthority(t, "next")
	r, err := newRouter(shards.App)
	require.NoError(t, err)
	defer r.Close()
	store := accounts.NewStore(r)
	put(t, store, 4)

	both := slices.Concat(former.Certificate, next.Certificate)
	for _, step := range []struct {
		signer  *certtest.Authority
		trusted []byte
	}{{former, both}, {next, both}, {next, next.Certificate}} {
		server.Certify(step.signer, step.trusted)
		server.Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'")
		require.Eventually(t, func() bool {
			_, _, err := store.Get(t.Context(), 4)
			return err == nil
		}, 5*time.Second, 20*time.Millisecond)
	}
	// Trust in the former authority alone would be refused now, so the file was read again.
	stale := shards.App
	stale.SSLRootCert = t.TempDir() + "/ca.crt"
	require.NoError(t, os.WriteFile(stale.SSLRootCert, former.Certificate, 0o600))
	require.ErrorContains(t, refused(t, stale), "certificate signed by unknown authority")
}
