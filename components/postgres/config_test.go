package postgres

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

func TestServerConfig(t *testing.T) {
	text := serverConfig((&Args{Resources: k8s.Resources{Memory: "512Mi"}, MaxConnections: 100}).withDefaults())
	for _, line := range []string{
		"max_connections = '100'",
		"shared_buffers = '131072kB'",
		"wal_level = 'logical'",
		"password_encryption = 'scram-sha-256'",
		"hba_file = '/etc/postgresql/pg_hba.conf'",
		"max_slot_wal_keep_size = '2560MB'",
		"log_parameter_max_length = '0'",
		"fsync = 'on'",
	} {
		require.Contains(t, text, line+"\n")
	}
}

func TestServerConfigPutsTheUsersSettingsLast(t *testing.T) {
	args := &Args{Shards: []int{0}, Settings: map[string]string{"jit": "on", "application_name": "it's"}}
	require.NoError(t, args.Validate())
	text := serverConfig(args.withDefaults())
	require.True(t, strings.HasSuffix(text, "application_name = 'it''s'\njit = 'on'\n"), text)
	require.Less(t, strings.Index(text, "jit = 'off'"), strings.Index(text, "jit = 'on'"))
}

func TestServerConfigIsTheSameEachTime(t *testing.T) {
	args := (&Args{Settings: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}}).withDefaults()
	require.Equal(t, serverConfig(args), serverConfig(args))
}

func TestServerConfigNamesEachSettingOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, one := range append(append(serverSettings(), suggestedSettings()...), Tuning{}.settings()...) {
		require.False(t, seen[one.name], one.name)
		seen[one.name] = true
	}
}

func TestHBAAsksEveryoneForAPassword(t *testing.T) {
	for line := range strings.Lines(hba) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "local   all          postgres ") {
			require.True(t, strings.HasSuffix(line, "scram-sha-256\n"), line)
		}
	}
}

func TestMaxConnectionsAreReadFromTheConfigMap(t *testing.T) {
	for _, members := range []int{1, 3} {
		args := (&Args{Shards: []int{0}, Members: members, MaxConnections: 77}).withDefaults()
		require.Equal(t, 77, MaxConnectionsOf(mountedFiles(plan{Args: args, component: "postgres"})))
	}
	require.Zero(t, MaxConnectionsOf(nil))
}
