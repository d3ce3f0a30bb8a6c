package migrate_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// ageRotation makes the last rotation an hour old.
func ageRotation(shards *pgtest.Shards) {
	for id, server := range shards.Servers {
		server.Exec(pgtest.Database(id), "UPDATE scalestack.rotation SET changed_at = now() - interval '1 hour'")
	}
}

// The Job shards-reshard of the release before runs until the new one replaces it, after
// the services' rollouts. When its pod starts again meanwhile, it has the old description.
func TestAnOldMoverRetiresNothingOfANewRelease(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	server, db := shards.Servers[0], pgtest.Database(0)
	before := access.Spec{Former: []string{"svc_billing"}, Services: []access.Service{roleOf("users", "old", nil, []string{"accounts"})}}
	require.NoError(t, applyRoles(t, shards, before))
	retire(t, shards, before)
	ageRotation(shards)
	after := access.Spec{Rotation: 1, Services: []access.Service{
		roleOf("users", "new", nil, []string{"accounts"}), roleOf("billing", "b", []string{"accounts"}, nil)}}
	require.NoError(t, applyRoles(t, shards, after))
	unharmed := func(t *testing.T) {
		t.Helper()
		require.Zero(t, server.Count(db, "SELECT count(*) FROM pg_roles WHERE rolname IN ('svc_users_b', 'svc_billing_b') AND rolvaliduntil < 'infinity'"))
		_, err := mustAs(t, shards, "svc_billing_b", "b").Exec(t.Context(), "SELECT FROM accounts")
		require.NoError(t, err)
	}

	err := migrate.Retire(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, &before, slog.New(slog.DiscardHandler))
	var refused *migrate.RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "shard-0: role svc_billing: refused: the services' roles were not applied by the release of this program")
	unharmed(t)
	require.Zero(t, server.Count(db, "SELECT count(*) FROM scalestack.rotation WHERE retired = 1"))
	retire(t, shards, after)
	unharmed(t)
	require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM scalestack.rotation WHERE retired = 1"))

	t.Run("what a release took that did not compare comes back", func(t *testing.T) {
		server.Exec(db, "ALTER ROLE svc_users_b VALID UNTIL '2026-01-01'; DELETE FROM scalestack.access WHERE role = 'svc_billing'; SELECT scalestack.revoke_access('svc_billing')")
		retire(t, shards, after)
		unharmed(t)
		mustAs(t, shards, "svc_users_b", "new")
	})
}

// A shard that is down is left to the next start; the others are retired.
func TestAShardThatIsDownIsRetiredLater(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	spec := access.Spec{Services: []access.Service{roleOf("users", "a", nil, []string{"accounts"})}}
	require.NoError(t, applyRoles(t, shards, spec))
	shards.Servers[0].Stop()
	err := migrate.RetireWithin(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, &spec, 2*time.Second, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "shard-0: shard-0: not ready in time")
	require.False(t, errors.As(err, new(*migrate.RefusedError)))
	require.Equal(t, 1, shards.Servers[1].Count(pgtest.Database(1), "SELECT count(*) FROM scalestack.rotation WHERE retired = 0"))
}
