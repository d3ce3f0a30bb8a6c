package reshard_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// Buckets move between servers that refuse clear text, under load: the movers' own sessions
// and the shards' sessions with each other are verified.
func TestMovesWithTLS(t *testing.T) {
	const existing = 2_000
	c := startCluster(t, 3, existing)
	authority := certtest.NewAuthority(t, "test")
	c.Encrypt(authority)
	l := startLoad(t, c.store(), existing)
	o := c.options(c.desired(3))
	o.SSLMode, o.SSLRootCert = c.Admin.SSLMode, c.Admin.SSLRootCert
	streams := 0
	o.OnState = func(mv reshard.Move) {
		// The walsender of a stream, and that of the way back.
		streams += c.Servers[mv.Source].Count("postgres", "SELECT count(*) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE ssl")
		for _, server := range c.Servers {
			require.Zero(t, server.Count("postgres", "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE NOT ssl AND client_addr IS NOT NULL"))
		}
	}
	require.NoError(t, c.run(o))
	l.end(c)
	require.Positive(t, streams)
	require.Equal(t, c.desired(3).Assignment, c.owners())
	c.requireClean()
}

// A mover that does not know where the servers have the authority, or was told of no TLS,
// moves nothing.
func TestAMoveNeverFallsBackToClearText(t *testing.T) {
	c := startCluster(t, 3, 100)
	authority := certtest.NewAuthority(t, "test")
	c.Encrypt(authority)
	before := c.owners()
	for mode, want := range map[string]string{"disable": "no encryption", "verify-full": "root certificate file"} {
		var log bytes.Buffer
		o := c.options(c.desired(3))
		o.SSLMode, o.SSLRootCert, o.Log = mode, "/no/such/ca.crt", slog.New(slog.NewTextHandler(&log, nil))
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		err := reshard.New(o).Run(ctx)
		cancel()
		require.Error(t, err, mode)
		require.Contains(t, log.String(), want, mode)
	}
	require.Equal(t, before, c.owners())
}

func TestObserveTellsWhenTheCertificateEnds(t *testing.T) {
	c := startCluster(t, 2, 10)
	certificateEnds := func() time.Time {
		observed := reshard.Observe(t.Context(), c.Map, c.Admin.As("test").ConnConfig)[0]
		require.NoError(t, observed.Err)
		return observed.CertificateEnds
	}
	require.Zero(t, certificateEnds(), "no TLS")
	authority := certtest.NewAuthority(t, "test")
	c.Encrypt(authority)
	require.WithinDuration(t, time.Now().Add(time.Hour), certificateEnds(), time.Minute)
}
