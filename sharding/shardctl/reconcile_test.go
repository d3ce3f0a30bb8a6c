package shardctl

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

func TestReconcile(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	t.Setenv("SCALESTACK_SHARD_MAP", shards.Admin.MapFile)
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.Admin.Credentials)
	t.Setenv("SCALESTACK_LOG_LEVEL", "error")
	_, err := execute(t, "migrate")
	require.NoError(t, err)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	out, err := execute(t, "reconcile")
	require.NoError(t, err)
	require.Equal(t, "every bucket has one owner, and nothing is left of a restore\n", out)

	// A shard from before a move, and from before the step that a reconciliation needs.
	const db = 0
	shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES (0, 'owned', 4, 1)")
	shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 0 WHERE bucket = 1")
	shards.Servers[db].Exec(pgtest.Database(db), "DROP TABLE scalestack.set_aside, scalestack.reconciled; "+
		"ALTER TABLE scalestack.move DROP COLUMN source_tables, DROP COLUMN target_tables, DROP COLUMN map")
	shards.Servers[db].Exec(pgtest.Database(db), "ALTER TABLE scalestack.rotation DROP description, DROP retired; ALTER TABLE scalestack.shard DROP founded; DROP FUNCTION scalestack.granted, scalestack.revoke_as")
	shards.Servers[db].Exec(pgtest.Database(db), "DELETE FROM scalestack.schema_version WHERE version_id >= 13")
	_, err = execute(t, "migrate")
	require.Equal(t, final, ExitCode(err))
	require.ErrorContains(t, err, "Fix: shardctl reconcile")
	const plan = "shards 0 and 1 own bucket 0, shard 1 since later: the others give way\n" +
		"bucket 1: no owner. Shard 0 was the last one"
	out, err = execute(t, "reconcile")
	require.Equal(t, final, ExitCode(err))
	require.Contains(t, out, "to be done, with --apply:\n"+plan)
	out, err = execute(t, "reconcile", "--apply", "--give", "1=1")
	require.NoError(t, err)
	require.Contains(t, out, "done:\n")
	require.Contains(t, out, "bucket 1: given to shard 1, with the rows that it has")
	_, err = execute(t, "migrate")
	require.NoError(t, err)
	out, err = execute(t, "reconcile", "--apply", "--give", "1=1")
	require.NoError(t, err)
	require.Equal(t, "every bucket has one owner, and nothing is left of a restore\n", out)
}

func TestReconcileWrongFlags(t *testing.T) {
	_, err := execute(t, "reconcile", "--give", "4", "--give", "x,5=1", "--give", "5=2", "--give", "6=-1")
	require.EqualError(t, err, "--give 4: must be like 4,17=2, buckets and the id of a shard\n"+
		"--give x,5=1: \"x\" is not the number of a bucket\n"+
		"--give 5=2: bucket 5 is given to shard 1 as well\n"+
		"--give 6=-1: must be like 4,17=2, buckets and the id of a shard")
}
