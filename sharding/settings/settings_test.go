package settings

import (
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
	m, err := MigrateCommand.Load(environment(nil))
	require.NoError(t, err)
	require.Equal(t, 5*time.Minute, m.Timeout)
	require.Equal(t, Shards{MapFile: "/etc/scalestack/shardmap/map.json", Credentials: "/etc/scalestack/shards",
		SSLMode: "disable", ConnectTimeout: 2 * time.Second}, m.Shards)

	r, err := ReshardCommand.Load(environment(nil))
	require.NoError(t, err)
	require.Equal(t, m.Shards, r.Shards)
	require.Empty(t, r.MetricsListen)
	require.Equal(t, 32, r.Batch)
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	_, err := ReshardCommand.Load(environment(map[string]string{
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
		`SCALESTACK_DB_SSLMODE: "maybe" is not one of disable, require, verify-ca, verify-full`,
		`SCALESTACK_LOG_LEVEL: "loud" is not one of debug, info, warn, error`,
		`SCALESTACK_RESHARD_BATCH: "ten" is not an integer`,
		`SCALESTACK_RESHARD_LEASE: "an hour" is not a duration such as 4s`,
		`SCALESTACK_RESHARD_PATIENCE: 1ms is not between 1s and 24h`,
	}, strings.Split(err.Error(), "\n"))
}

func TestHelpNamesEverySetting(t *testing.T) {
	require.Contains(t, MigrateCommand.Help(), "SCALESTACK_MIGRATE_TIMEOUT (1s to 24h, default 5m)")
	require.Contains(t, ReshardCommand.Help(), "SCALESTACK_RESHARD_BATCH (1 to 1000, default 32)")
	require.Contains(t, ReshardCommand.Help(), "SCALESTACK_RESHARD_VOLUME (0 to 1152921504606846976, default 0)")
	require.NotContains(t, MigrateCommand.Help(), "SCALESTACK_RESHARD")
}

func TestEverySettingIsComplete(t *testing.T) {
	require.Empty(t, MigrateCommand.Incomplete())
	require.Empty(t, ReshardCommand.Incomplete())
	require.Empty(t, ServeCommand.Incomplete())
	type part struct {
		Size int `env:"SIZE"`
	}
	wrong := NewCommand("wrong", func() *struct {
		First  part
		Second struct {
			Size int `env:"SIZE" doc:"again" validate:"min=1,max=2"`
		}
	} {
		return &struct {
			First  part
			Second struct {
				Size int `env:"SIZE" doc:"again" validate:"min=1,max=2"`
			}
		}{}
	})
	require.Equal(t, []string{"wrong: SIZE: has no doc", "wrong: SIZE: has no range", "wrong: SIZE: is read twice",
		"wrong: SIZE: shares its Go name with another setting"}, wrong.Incomplete())
}
