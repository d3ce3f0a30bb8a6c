package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func environment(set map[string]string) Lookup {
	return func(name string) (string, bool) {
		value, found := set[name]
		return value, found
	}
}

func TestDefaults(t *testing.T) {
	m, err := LoadMigrate(environment(nil))
	require.NoError(t, err)
	require.Equal(t, 5*time.Minute, m.Timeout)
	require.Equal(t, Shards{MapFile: "/etc/scalestack/shardmap/map.json", Credentials: "/etc/scalestack/shards",
		SSLMode: "prefer", ConnectTimeout: 2 * time.Second}, m.Shards)

	r, err := LoadReshard(environment(nil))
	require.NoError(t, err)
	require.Equal(t, m.Shards, r.Shards)
	require.Empty(t, r.Listen)
	require.Equal(t, 32, r.Batch)
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	_, err := LoadReshard(environment(map[string]string{
		"SCALESTACK_METRICS_LISTEN":   "8080",
		"SCALESTACK_SHARD_MAP":        "map.json",
		"SCALESTACK_DB_SSLMODE":       "maybe",
		"SCALESTACK_LOG_LEVEL":        "loud",
		"SCALESTACK_RESHARD_BATCH":    "ten",
		"SCALESTACK_RESHARD_LEASE":    "an hour",
		"SCALESTACK_RESHARD_PATIENCE": "1ms",
	}))
	require.Error(t, err)
	require.ElementsMatch(t, []string{
		`SCALESTACK_METRICS_LISTEN: "8080" is not host:port with a port between 0 and 65535`,
		`SCALESTACK_SHARD_MAP: "map.json" is not an absolute path`,
		`SCALESTACK_DB_SSLMODE: "maybe" is not one of disable, allow, prefer, require, verify-ca, verify-full`,
		`SCALESTACK_LOG_LEVEL: "loud" is not one of debug, info, warn, error`,
		`SCALESTACK_RESHARD_BATCH: "ten" is not an integer`,
		`SCALESTACK_RESHARD_LEASE: "an hour" is not a duration such as 4s`,
		`SCALESTACK_RESHARD_PATIENCE: 1ms is not between 1s and 24h0m0s`,
	}, strings.Split(err.Error(), "\n"))
}

func TestHelpNamesEverySetting(t *testing.T) {
	require.Contains(t, MigrateHelp(), "SCALESTACK_MIGRATE_TIMEOUT (1s to 24h0m0s, default 5m0s)")
	require.Contains(t, ReshardHelp(), "SCALESTACK_RESHARD_BATCH (1 to 1000, default 32)")
	require.Contains(t, ReshardHelp(), "SCALESTACK_RESHARD_VOLUME (0 to 1152921504606846976, default 0)")
	require.NotContains(t, MigrateHelp(), "SCALESTACK_RESHARD")
}
