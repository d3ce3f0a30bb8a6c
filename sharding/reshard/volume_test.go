package reshard_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// A volume that the log alone may fill to 90 % has no room for rows; one with
// some more has. The service's role, which may not look at the log's folder,
// comes to the same.
func TestAFullTargetIsRefused(t *testing.T) {
	const most = 128 << 20
	c := startCluster(t, 3, 20_000)
	for _, server := range c.Servers {
		server.Exec("postgres", "ALTER SYSTEM SET max_wal_size = '128MB'")
		server.Exec("postgres", "SELECT pg_reload_conf()")
	}
	databases := c.Servers[2].Count("postgres", "SELECT sum(pg_database_size(oid)) FROM pg_database")
	o := c.options(c.desired(3))
	o.Volume = int64(databases+most) * 100 / 90
	full := `shard-2: its volume of 1\d\d MiB would be 9\d % full \(limit 90 %\): \d+ MiB are used, \d+ (MiB|KiB) come, \d+ MiB are left for WAL`

	before := c.owners()
	err := c.run(o)
	var ended *reshard.EndedError
	require.ErrorAs(t, err, &ended)
	require.Regexp(t, "refused: "+full, ended.Move.Reason)
	require.Equal(t, before, c.owners())
	c.requireClean()

	plan := func(volume int64) *reshard.Estimate {
		e, err := reshard.NewEstimate(t.Context(), reshard.EstimateOptions{
			Current: c.Map, Desired: c.desired(3), Connect: c.App.As("test").ConnConfig, Volume: volume, Log: testLog()})
		require.NoError(t, err)
		return e
	}
	e := plan(o.Volume)
	require.Len(t, e.TooFull, 1)
	require.Regexp(t, "^"+full+"$", e.TooFull[0])
	require.Empty(t, plan(0).TooFull)

	o.Volume += 64 << 20
	require.Empty(t, plan(o.Volume).TooFull)
	require.NoError(t, c.run(o))
	require.Equal(t, c.desired(3).Assignment, c.owners())
	c.requireClean()
}
