package shardctl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// A mover of another release retires nothing, and moves all the same.
func TestAMoverOfAnotherReleaseMoves(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	file := filepath.Join(t.TempDir(), "roles.json")
	describe := func(spec access.Spec) {
		content, err := spec.Encode()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, content, 0o600))
	}
	users := access.Service{Name: "users", Password: "u", Connections: 3, StatementTimeout: 60, IdleTransactionTimeout: 30, Read: []string{"accounts"}}
	for name, value := range map[string]string{
		"SCALESTACK_SHARD_MAP":         shards.Admin.MapFile,
		"SCALESTACK_SHARD_CREDENTIALS": shards.Admin.Credentials,
		"SCALESTACK_ROLES":             file,
		"SCALESTACK_RESHARD_OBSERVE":   "1ms",
		"SCALESTACK_LOG_LEVEL":         "error",
	} {
		t.Setenv(name, value)
	}
	describe(access.Spec{Services: []access.Service{users}})
	_, err := execute(t, "migrate")
	require.NoError(t, err)

	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())

	describe(access.Spec{})
	next := *shards.Map
	next.Assignment = append(shardmap.Base(12, 2)[:11:11], 0)
	shards.Write(&next)
	_, err = execute(t, "reshard")
	require.NoError(t, err)
	server, db := shards.Servers[0], pgtest.Database(0)
	require.Equal(t, 7, server.Count(db, "SELECT count(*) FROM scalestack.ownership WHERE state = 'owned'"))
	require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM scalestack.access"))
	require.Zero(t, server.Count(db, "SELECT count(*) FROM pg_roles WHERE rolname = 'svc_users_a' AND rolvaliduntil < 'infinity'"))
}
