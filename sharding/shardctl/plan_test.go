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

func TestPlan(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	t.Setenv("SCALESTACK_SHARD_MAP", shards.Admin.MapFile)
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.Admin.Credentials)
	t.Setenv("SCALESTACK_LOG_LEVEL", "error")
	_, err := execute(t, "migrate")
	require.NoError(t, err)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.App.Credentials)
	next := *shards.Map
	next.Assignment = append(shardmap.Base(12, 2)[:11:11], 0)
	wanted, err := next.Encode()
	require.NoError(t, err)

	plan := func(more ...string) string {
		t.Helper()
		var out bytes.Buffer
		root := Command()
		root.SetArgs(append([]string{"plan", "--to", "-"}, more...))
		root.SetIn(bytes.NewReader(wanted))
		root.SetOut(&out)
		require.NoError(t, root.ExecuteContext(t.Context()))
		return out.String()
	}
	const answer = `^{"moves":\[{"from":1,"to":0,"buckets":1,"rows":0,"bytes":\d+}\],"minimum":1,"batches":1,` +
		`"rowsPerSecond":41000,"measured":false,"seconds":30`
	require.Regexp(t, answer+`}\n$`, plan())
	t.Setenv("SCALESTACK_RESHARD_VOLUME", "1073741824")
	require.Regexp(t, answer+`,"tooFull":\["shard-0: its volume of 1.0 GiB would be 10\d % full [^"]+"\]}\n$`, plan())
	require.Regexp(t, answer+`}\n$`, plan("--volume", "10737418240"))
}

func TestPlanNeedsAMap(t *testing.T) {
	_, err := execute(t, "plan")
	require.EqualError(t, err, `required flag(s) "to" not set`)
	_, err = execute(t, "plan", "--to", "/does/not/exist")
	require.EqualError(t, err, "shard map: open /does/not/exist: no such file or directory")
}
