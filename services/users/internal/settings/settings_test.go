package settings

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func environment(set map[string]string) (environ []string) {
	for name, value := range set {
		environ = append(environ, name+"="+value)
	}
	return environ
}

func TestDefaults(t *testing.T) {
	s, err := ServeCommand.Load(environment(map[string]string{"SCALESTACK_PUBLIC": "true"}))
	require.NoError(t, err)
	require.Equal(t, ":8080", s.Listen)
	require.Equal(t, ":9090", s.MetricsListen)
	require.Equal(t, "/etc/scalestack/shardmap/map.json", s.MapFile)
	require.Equal(t, "/etc/scalestack/shards", s.Shards.Credentials)
	require.Equal(t, "disable", s.Shards.SSLMode)
	require.Equal(t, 10, s.Pool)
	require.Equal(t, 3600*time.Second, s.CacheTTL)
	require.Equal(t, 20*time.Second, s.ShutdownGrace)
	require.Equal(t, slog.LevelInfo, s.LogLevel)
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	_, err := ServeCommand.Load(environment(map[string]string{
		"SCALESTACK_LISTEN":             "8080",
		"SCALESTACK_METRICS_LISTEN":     "9090",
		"SCALESTACK_SHARD_MAP":          "map.json",
		"SCALESTACK_DB_POOL":            "0",
		"SCALESTACK_DB_SSLMODE":         "maybe",
		"SCALESTACK_CACHE_TTL":          "an hour",
		"SCALESTACK_SHUTDOWN_GRACE":     "1ms",
		"SCALESTACK_LOG_LEVEL":          "loud",
		"SCALESTACK_REDIS_ADDRESS":      "redis:99999",
		"SCALESTACK_CACHE_NEGATIVE_TTL": "10s",
	}))
	require.Error(t, err)
	require.ElementsMatch(t, []string{
		`SCALESTACK_LISTEN: "8080" is not host:port with a port between 0 and 65535`,
		`SCALESTACK_METRICS_LISTEN: "9090" is not host:port with a port between 0 and 65535`,
		`SCALESTACK_SHARD_MAP: "map.json" is not an absolute path`,
		`SCALESTACK_DB_POOL: 0 is not between 1 and 1000`,
		`SCALESTACK_DB_SSLMODE: "maybe" is not one of disable, require, verify-ca, verify-full`,
		`SCALESTACK_CACHE_TTL: "an hour" is not a duration such as 1h`,
		`SCALESTACK_SHUTDOWN_GRACE: 1ms is not between 1s and 10m`,
		`SCALESTACK_LOG_LEVEL: "loud" is not one of debug, info, warn, error`,
		`SCALESTACK_REDIS_ADDRESS: "redis:99999" is not host:port with a port between 0 and 65535, several of them with commas between, or two such lists with a semicolon between`,
	}, strings.Split(err.Error(), "\n"))

	_, err = ServeCommand.Load(environment(map[string]string{"SCALESTACK_PUBLIC": "true", "SCALESTACK_REQUEST_TIMEOUT": "3s"}))
	require.EqualError(t, err, "SCALESTACK_REQUEST_TIMEOUT: 3s is not more than SCALESTACK_DB_STATEMENT_TIMEOUT (3s)")
}

func TestTheCachesServers(t *testing.T) {
	for address, want := range map[string][2][]string{
		"a:1":             {{"a:1"}, nil},
		"a:1,b:1,c:1":     {{"a:1", "b:1", "c:1"}, nil},
		"a:1;a:1,b:1,c:1": {{"a:1"}, {"a:1", "b:1", "c:1"}},
	} {
		s, err := InvalidateCommand.Load(environment(map[string]string{"SCALESTACK_REDIS_ADDRESS": address}))
		require.NoError(t, err)
		keep, also := s.Redis.Servers()
		require.Equal(t, want, [2][]string{keep, also})
	}
	for _, address := range []string{"a", "a:1,", ",a:1", "a:1;", ";a:1", "a:1,a:1", "a:1;b:1,b:1", "a:1;b:1;c:1", "a:1, b:1:2"} {
		_, err := InvalidateCommand.Load(environment(map[string]string{"SCALESTACK_REDIS_ADDRESS": address}))
		require.ErrorContains(t, err, "SCALESTACK_REDIS_ADDRESS", address)
	}
}

func TestEmptyCountsAsNotSet(t *testing.T) {
	s, err := ServeCommand.Load([]string{"SCALESTACK_DB_POOL=", "SCALESTACK_CACHE_TTL=", "PGSSLROOTCERT=", "SCALESTACK_PUBLIC=true"})
	require.NoError(t, err)
	require.Equal(t, 10, s.Pool)
}

// Everything about a setting is in its tags; a tag that is missing shows here.
func TestEverySettingIsComplete(t *testing.T) {
	for _, found := range [][]string{
		ServeCommand.Incomplete(), AskCommand.Incomplete(), MigrateCommand.Incomplete(), RelayCommand.Incomplete(),
		EmailCommand.Incomplete(), AnalyticsCommand.Incomplete(), InvalidateCommand.Incomplete(),
	} {
		require.Empty(t, found)
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	require.Contains(t, ServeCommand.Help(), "SCALESTACK_DB_POOL (1 to 1000, default 10)")
	require.Contains(t, ServeCommand.Help(), "SCALESTACK_SHARD_MAP (an absolute path, default /etc/scalestack/shardmap/map.json)")
	require.Contains(t, AskCommand.Help(), "SCALESTACK_USERS_TIMEOUT (10ms to 10m, default 10s)")
}
