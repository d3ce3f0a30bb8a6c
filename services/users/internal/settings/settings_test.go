package settings

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/stretchr/testify/require"
)

func environment(set map[string]string) settings.Lookup {
	return func(name string) (string, bool) {
		value, found := set[name]
		return value, found
	}
}

func TestDefaults(t *testing.T) {
	s, err := LoadServe(environment(nil))
	require.NoError(t, err)
	require.Equal(t, ":8080", s.Listen)
	require.Equal(t, "/etc/scalestack/shardmap/map.json", s.Shards.MapFile)
	require.Equal(t, "/etc/scalestack/shards", s.Shards.Credentials)
	require.Equal(t, "prefer", s.Shards.SSLMode)
	require.Equal(t, 10, s.Pool)
	require.Equal(t, 3600*time.Second, s.CacheTTL)
	require.Equal(t, 20*time.Second, s.ShutdownGrace)
	require.Equal(t, slog.LevelInfo, s.LogLevel)
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	_, err := LoadServe(environment(map[string]string{
		"SCALESTACK_LISTEN":             "8080",
		"SCALESTACK_SHARD_MAP":          "map.json",
		"SCALESTACK_DB_POOL":            "0",
		"SCALESTACK_DB_SSLMODE":         "maybe",
		"SCALESTACK_CACHE_TTL":          "an hour",
		"SCALESTACK_SHUTDOWN_GRACE":     "1ms",
		"SCALESTACK_REQUEST_TIMEOUT":    "3s",
		"SCALESTACK_LOG_LEVEL":          "loud",
		"SCALESTACK_REDIS_ADDRESS":      "redis:99999",
		"SCALESTACK_CACHE_NEGATIVE_TTL": "10s",
	}))
	require.Error(t, err)
	require.ElementsMatch(t, []string{
		`SCALESTACK_LISTEN: "8080" is not host:port with a port between 0 and 65535`,
		`SCALESTACK_SHARD_MAP: "map.json" is not an absolute path`,
		`SCALESTACK_DB_POOL: 0 is not between 1 and 1000`,
		`SCALESTACK_DB_SSLMODE: "maybe" is not one of disable, allow, prefer, require, verify-ca, verify-full`,
		`SCALESTACK_CACHE_TTL: "an hour" is not a duration such as 1h0m0s`,
		`SCALESTACK_SHUTDOWN_GRACE: 1ms is not between 1s and 10m0s`,
		`SCALESTACK_REQUEST_TIMEOUT: 3s is not more than SCALESTACK_DB_STATEMENT_TIMEOUT (3s)`,
		`SCALESTACK_LOG_LEVEL: "loud" is not one of debug, info, warn, error`,
		`SCALESTACK_REDIS_ADDRESS: "redis:99999" is not host:port with a port between 0 and 65535`,
	}, strings.Split(err.Error(), "\n"))
}

func TestHelpNamesEverySetting(t *testing.T) {
	require.Contains(t, ServeHelp(), "SCALESTACK_DB_POOL (1 to 1000, default 10)")
	require.Contains(t, ServeHelp(), "SCALESTACK_SHARD_MAP (absolute path, default /etc/scalestack/shardmap/map.json)")
	require.Contains(t, AskHelp(), "SCALESTACK_USERS_TIMEOUT (10ms to 10m0s, default 10s)")
}
