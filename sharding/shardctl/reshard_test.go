package shardctl

import (
	"bytes"
	"testing"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := Command()
	root.SetArgs(args)
	root.SetOut(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestReshard(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	for name, value := range map[string]string{
		"SCALESTACK_SHARD_MAP":         shards.Admin.MapFile,
		"SCALESTACK_SHARD_CREDENTIALS": shards.Admin.Credentials,
		"SCALESTACK_RESHARD_OBSERVE":   "1ms",
		"SCALESTACK_LOG_LEVEL":         "error",
	} {
		t.Setenv(name, value)
	}
	_, err := execute(t, "migrate")
	require.NoError(t, err)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	out, err := execute(t, "reshard", "status")
	require.NoError(t, err)
	require.Equal(t, "no move is under way\n", out)

	next := *shards.Map
	next.Assignment = append(shardmap.Base(12, 2)[:11:11], 0)
	shards.Write(&next)
	watched := make(chan string, 1)
	go func() {
		out, err := execute(t, "reshard", "status", "--watch")
		if err != nil {
			out = err.Error()
		}
		watched <- out
	}()
	_, err = execute(t, "reshard")
	require.NoError(t, err)
	require.Regexp(t, `(^|\n)0 buckets to move\n$`, <-watched)
	out, err = execute(t, "status", "--all")
	require.NoError(t, err)
	require.Contains(t, out, "MOVE  FROM  TO  BUCKETS  STATE     SINCE  WANTED  ROWS  PAUSE")
	require.Regexp(t, `(?m)^1-1 +1 +0 +1 +complete `, out)
	require.Equal(t, 7, shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM scalestack.ownership WHERE state = 'owned'"))

	_, err = execute(t, "abort")
	require.EqualError(t, err, "no move can be aborted: none is under way")
}

func TestReshardWrongSettings(t *testing.T) {
	t.Setenv("SCALESTACK_RESHARD_BATCH", "0")
	_, err := execute(t, "reshard", "pause")
	require.EqualError(t, err, "settings: SCALESTACK_RESHARD_BATCH: 0 is not between 1 and 1000")
}
