package router_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// direct skips a test of what is the pooler's business where there is one: logins, TLS,
// and connections that outlive a server. docs/scale.md names what that takes away.
func direct(t *testing.T) {
	t.Helper()
	if os.Getenv(pgtest.ThroughVariable) == "pooler" {
		t.Skip("only without a pooler")
	}
}

// noConnection is what is said of a shard that is down.
func noConnection() string {
	if os.Getenv(pgtest.ThroughVariable) == "pooler" {
		return "SQLSTATE 08P01"
	}
	return "connection refused"
}

// awaitPooler waits until a pooler tries again to connect to shard 0, which a client does at once.
func awaitPooler(t *testing.T, store *accounts.Store) {
	t.Helper()
	if os.Getenv(pgtest.ThroughVariable) != "pooler" {
		return
	}
	require.Eventually(t, func() bool {
		_, _, err := store.Get(t.Context(), 0)
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
}

// pooled runs a shard behind a PgBouncer with two server connections, and a router with
// eight to it.
func pooled(t *testing.T) (*pgtest.Shards, *router.Router) {
	t.Helper()
	shards, _, _ := start(t, 1)
	address, _ := pgtest.StartPooler(t, shards, 2, 2*time.Second)
	options := shards.App.As("pooled")
	options.Pooler, options.Pool = address, 8
	r, err := router.New(options)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return shards, r
}

// Clients share server processes statement by statement, so that what one of them had
// prepared or set would be missing, or be there, for another.
func TestClientsShareServerConnections(t *testing.T) {
	shards, r := pooled(t)
	store := accounts.NewStore(r)
	var clients errgroup.Group
	for client := range int64(8) {
		clients.Go(func() error {
			for n := range int64(50) {
				id := 100*client + n
				if _, _, err := store.Put(t.Context(), id, ada); err != nil {
					return fmt.Errorf("put %d: %w", id, err)
				}
				account, _, err := store.Get(t.Context(), id)
				if err != nil || account == nil || account.Version != 1 {
					return fmt.Errorf("get %d: %v: %w", id, account, err)
				}
			}
			return nil
		})
	}
	require.NoError(t, clients.Wait())
	require.LessOrEqual(t, shards.Servers[0].Count("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooled'"), 2)
}

// What a transaction holds is forgotten with it: the next client on the same server
// process holds nothing.
func TestAHoldEndsWithItsTransaction(t *testing.T) {
	_, r := pooled(t)
	_, pool := r.For(1)
	for range 20 {
		_, err := r.Write(t.Context(), 1, func(ctx context.Context, w *router.Writer) error {
			return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE accounts SET name = 'New' WHERE user_id = $1", 1)
				return err
			})
		})
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), "UPDATE accounts SET name = 'New' WHERE user_id = $1", 1)
		require.ErrorContains(t, err, "SS002")
	}
}

// PgBouncer says 08P01 when the server is gone, whatever the statement has done.
func TestAWriteWhoseServerDiesBehindThePooler(t *testing.T) {
	shards, r := pooled(t)
	_, err := r.Read(t.Context(), 1, func(ctx context.Context, conn *pgxpool.Conn) error { return conn.Ping(ctx) })
	require.NoError(t, err)
	attempts := 0
	_, err = r.Write(t.Context(), 1, func(ctx context.Context, w *router.Writer) error {
		attempts++
		go func() {
			shards.Servers[0].Kill()
		}()
		_, err := w.Exec(ctx, "SELECT pg_sleep(30)")
		return err
	})
	var unavailable *router.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.True(t, unavailable.Unknown)
	require.Equal(t, 1, attempts)
}

// Why a pooler has a setting of its own: what a router without it does, PgBouncer 1.18 refuses.
func TestAPoolerThatTheRouterDoesNotKnowOf(t *testing.T) {
	shards, _, _ := start(t, 1)
	address, _ := pgtest.StartPooler(t, shards, 1, 2*time.Second)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	through(shards, 0, number)
	shards.App.Pooler = ""
	r, err := newRouter(shards.App)
	require.NoError(t, err)
	defer r.Close()
	_, _, err = accounts.NewStore(r).Get(t.Context(), 1)
	requireUnavailable(t, err, "shard-0", "unsupported startup parameter: statement_timeout")

	ask := func() error {
		config, err := shards.App.As("test").ConnConfig(&shards.Map.Shards[0])
		require.NoError(t, err)
		conn, err := pgx.ConnectConfig(t.Context(), config)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		_, err = conn.Exec(t.Context(), "SELECT $1::int", 1)
		return err
	}
	require.NoError(t, ask())
	require.ErrorContains(t, ask(), "already exists (SQLSTATE 42P05)")
}

func TestAPoolerWithoutAPort(t *testing.T) {
	shards, _, _ := start(t, 1)
	for _, wrong := range []string{"pooler", "pooler:0", "pooler:65536", ":6432"} {
		options := shards.App.As("test")
		options.Pooler = wrong
		_, err := router.New(options)
		require.ErrorContains(t, err, fmt.Sprintf("pooler: %q is not host:port with a port from 1 to 65535", wrong))
	}
}
