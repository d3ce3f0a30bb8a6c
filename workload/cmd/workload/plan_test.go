package main

import (
	"bytes"
	"testing"

	"github.com/scalestack/scalestack/shardmap"
	"github.com/scalestack/scalestack/workload/internal/pgtest"
	"github.com/stretchr/testify/require"
)

func TestPlan(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	t.Setenv("SCALESTACK_SHARD_MAP", shards.Admin.MapFile)
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.Admin.Credentials)
	t.Setenv("SCALESTACK_LOG_LEVEL", "error")
	_, err := execute(t, "migrate")
	require.NoError(t, err)
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.App.Credentials)
	next := *shards.Map
	next.Assignment = append(shardmap.Base(12, 2)[:11:11], 0)
	wanted, err := next.Encode()
	require.NoError(t, err)

	var out bytes.Buffer
	root := command()
	root.SetArgs([]string{"reshard", "plan", "--to", "-"})
	root.SetIn(bytes.NewReader(wanted))
	root.SetOut(&out)
	require.NoError(t, root.ExecuteContext(t.Context()))
	require.Regexp(t, `^{"moves":\[{"from":1,"to":0,"buckets":1,"rows":0,"bytes":\d+}\],"minimum":1,"batches":1,`+
		`"rowsPerSecond":41000,"measured":false,"seconds":30}\n$`, out.String())
}

func TestPlanNeedsAMap(t *testing.T) {
	_, err := execute(t, "reshard", "plan")
	require.EqualError(t, err, `required flag(s) "to" not set`)
	_, err = execute(t, "reshard", "plan", "--to", "/does/not/exist")
	require.EqualError(t, err, "shard map: open /does/not/exist: no such file or directory")
}
