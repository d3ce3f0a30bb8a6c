package shardctl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/owner"
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

// A rotation brings each administrator's password to each shard, and ends when every shard takes its own: a failover to a member
// that had the former one may have set that again.
func TestAdministratorsGetTheirPasswordsBeforeARotationEnds(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	folder := t.TempDir()
	write := func(name, content string) string {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
		return filepath.Join(folder, name)
	}
	for name, value := range map[string]string{
		"SCALESTACK_SHARD_MAP":         shards.Admin.MapFile,
		"SCALESTACK_SHARD_CREDENTIALS": shards.Admin.Credentials,
		"SCALESTACK_ROLES":             write("roles.json", `{"rotation": 1, "services": []}`),
		"SCALESTACK_ADMINISTRATORS":    write("administrators.json", `{"shard-0": {"scalestack_mover": "new-0"}, "shard-1": {"scalestack_mover": "new-1"}}`),
		"SCALESTACK_LOG_LEVEL":         "error",
	} {
		t.Setenv(name, value)
	}
	for id, password := range []string{"new-0", "new-1"} {
		at := filepath.Join(shards.Admin.Credentials, shards.Map.Shards[id].Name)
		pgtest.SetCredentials(t, at, owner.Mover, password)
		pgtest.SetFormer(t, at, pgtest.AdminPassword)
	}
	ended := func(id int) int {
		return shards.Servers[id].Count(pgtest.Database(id), "SELECT count(*) FROM scalestack.rotation WHERE rotation = 1 AND retired = 1")
	}
	_, err := execute(t, "migrate")
	require.NoError(t, err)
	for id := range 2 {
		require.Zero(t, ended(id))
	}
	shards.Servers[1].ChangePassword(pgtest.AdminPassword)
	_, err = execute(t, "reshard")
	require.NoError(t, err)
	for id := range 2 {
		require.Equal(t, 1, ended(id))
	}
}
