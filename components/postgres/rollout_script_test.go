package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/owner"
)

// runningShard has a server that was started by the rollout "first".
func runningShard(t *testing.T) *shard {
	s := newShard(t)
	s.requireBootstrap()
	s.start()
	return s
}

func (s *shard) line(rollout string) string {
	return fmt.Sprintf("SHARDS=shard-0 127.0.0.1 %d shard_0_db %s\n", s.port, rollout)
}

// rollout runs rollout.sh with short waits.
func (s *shard) rollout(env ...string) (output string, err error) {
	return s.judge("rollout.sh", rolloutScript, env...)
}

// judge runs a script of a rollout's Jobs.
func (s *shard) judge(name, script string, env ...string) (output string, err error) {
	s.write(name, script)
	scratch, err := os.MkdirTemp(s.folder, "scratch")
	require.NoError(s.t, err)
	require.NoError(s.t, os.Chmod(scratch, 0o777))
	password := appPassword
	if slices.Contains(env, "ROLE="+owner.Mover) {
		password = "mover-of-admin-1"
	}
	s.write("credentials/shard-0/password", password)
	cmd := s.command("sh", s.at(name))
	cmd.Env = slices.Concat([]string{"PATH=" + s.path, "ROLE=" + AppRole, "CREDENTIALS=" + s.at("credentials"), "SCRATCH=" + scratch,
		"PATIENCE=3", "SETTLE=1", "UNTRACKED=2", "PAUSE=0.1", "REPORT=1"}, s.env, env)
	text, err := cmd.CombinedOutput()
	require.NotContains(s.t, string(text), password)
	return string(text), err
}

func (s *shard) requireRefusal(want string, env ...string) {
	s.t.Helper()
	output, err := s.rollout(env...)
	require.Error(s.t, err, output)
	require.Contains(s.t, output, want)
}

// program puts a program in front of those of the same name.
func (s *shard) program(name, script string) {
	s.write("programs/"+name, "#!/bin/sh\n"+script+"\n")
	require.NoError(s.t, os.Chmod(s.at("programs/"+name), 0o755))
	s.path = s.at("programs") + ":" + s.path
}

func TestARolloutIsOverWhenTheServerSaysSo(t *testing.T) {
	s := runningShard(t)
	output, err := s.rollout(s.line("first"), "HELD=127.0.0.1", "EXCESS=SELECT current_setting('max_connections')::int > 10000")
	require.NoError(t, err, output)
	require.Contains(t, output, "all shards run what was rolled out to them")
}

func TestARolloutWaitsForAServerThatIsStillAway(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	timer := time.AfterFunc(2*time.Second, func() {
		s.server = s.command(filepath.Join(os.Getenv(binariesVariable), "postgres"), "-c", "config_file="+s.at("postgresql.conf"))
		_ = s.server.Start()
	})
	defer timer.Stop()
	output, err := s.rollout(s.line("first"), "PATIENCE=30")
	require.NoError(t, err, output)
	require.Contains(t, output, "rollout: waiting for shard-0: ")
}

// The three ways in which a rollout goes wrong, as another shard's gate sees them.
func TestARolloutFailsWithTheReason(t *testing.T) {
	t.Run("the server does not start", func(t *testing.T) {
		s := newShard(t)
		s.configure(&Args{Resources: k8s.Resources{Memory: "256Mi"}, MaxConnections: 20, Settings: map[string]string{"shared_preload_libraries": "nowhere"}})
		_, err := s.bootstrap()
		require.Error(t, err)
		s.requireRefusal("after 3 s, shard-0: psql: error: connection to server at", s.line("first"))
	})
	t.Run("the pod was not replaced", func(t *testing.T) {
		s := runningShard(t)
		s.requireRefusal("shard-0: it still runs rollout first instead of second", s.line("second"))
	})
	t.Run("the pod has no address", func(t *testing.T) {
		s := newShard(t)
		s.requireRefusal("kubectl describe pod nowhere", "SHARDS=shard-0 nowhere.invalid. 5432 shard_0_db first\n")
	})
	t.Run("the server hangs", func(t *testing.T) {
		s := runningShard(t)
		require.NoError(t, s.server.Process.Signal(syscall.SIGSTOP))
		defer func() { _ = s.server.Process.Signal(syscall.SIGCONT) }()
		s.requireRefusal("timeout expired", s.line("first"))
	})
	t.Run("it dies again and again", func(t *testing.T) {
		s := runningShard(t)
		s.requireRefusal("it runs its new configuration", s.line("first"), "SETTLE=3600")
	})
	t.Run("it has more connections than it is to have", func(t *testing.T) {
		s := runningShard(t)
		s.requireRefusal("it still has more connections or workers", s.line("first"), "EXCESS=SELECT current_setting('max_connections')::int > 1")
	})
	t.Run("the password is another one", func(t *testing.T) {
		s := newShard(t)
		s.passwords("admin-1", "other")
		s.requireBootstrap()
		s.start()
		s.requireRefusal("password authentication failed", s.line("first"))
	})
}

func TestAReloadDoesNotPassForARollout(t *testing.T) {
	s := runningShard(t)
	s.write("rollout", "second")
	read := func() string { return s.query("postgres", "admin-1", "SELECT pg_conf_load_time()::text") }
	before := read()
	require.Equal(t, "true", s.query("postgres", "admin-1", "SELECT pg_reload_conf()::text"))
	for began := time.Now(); read() == before; time.Sleep(10 * time.Millisecond) {
		require.Less(t, time.Since(began), 10*time.Second, "the server does not read its configuration")
	}
	require.Equal(t, "first", s.query(AppRole, appPassword, "SHOW scalestack.rollout"))
	s.end(syscall.SIGINT)
	s.requireBootstrap()
	s.start()
	require.Equal(t, "second", s.query(AppRole, appPassword, "SHOW scalestack.rollout"))
}

// A shard of the release before has no rollout to tell, and is not restarted.
func TestAServerFromBeforeIsWatchedForAWhile(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	require.NoError(t, os.Remove(s.at("volume/startup.conf")))
	s.start()
	started := time.Now()
	output, err := s.rollout(s.line("first"), "PATIENCE=10")
	require.NoError(t, err, output)
	require.Greater(t, time.Since(started), time.Second)
	s.kill()
	s.requireRefusal("shard-0: psql: error", s.line("first"))
}

func TestWhatDoesNotExistHasNothingToLose(t *testing.T) {
	s := newShard(t)
	output, err := s.rollout(s.line("first"), "HELD=nowhere.invalid.")
	require.NoError(t, err, output)
	require.Contains(t, output, "nowhere.invalid. does not exist yet")

	s.requireRefusal("shard-0", s.line("first"), "HELD=127.0.0.1")
	s.program("psql", `echo 'could not translate host name: Temporary failure in name resolution' >&2; exit 2`)
	s.requireRefusal("Temporary failure", s.line("first"), "HELD=nowhere.invalid.")
	s.program("psql", "exit 127")
	s.requireRefusal("shard-0", s.line("first"), "HELD=nowhere.invalid.")
}

func TestAConfigurationIsReadBeforeAnyShardChanges(t *testing.T) {
	s := newShard(t)
	config := "CONFIG=" + s.at("postgresql.conf")
	output, err := s.rollout(config)
	require.NoError(t, err, output)
	for setting, value := range map[string]string{"checkpoint_timeout": "soon", "max_wal_senders": "-5", "no_such_setting": "1", "log_line_prefix": "a'b"} {
		s.configure(&Args{Resources: k8s.Resources{Memory: "256Mi"}, MaxConnections: 20, Settings: map[string]string{setting: value}})
		if setting == "log_line_prefix" {
			output, err := s.rollout(config)
			require.NoError(t, err, output)
			continue
		}
		s.requireRefusal(setting, config)
	}
}

func TestAnImageOfAnotherVersionIsRefused(t *testing.T) {
	s := newShard(t)
	config := "CONFIG=" + s.at("postgresql.conf")
	s.program("postgres", "echo 'postgres (PostgreSQL) 18.0 (Debian 18.0-1)'")
	s.requireRefusal("the image has postgres (PostgreSQL) 18.0 (Debian 18.0-1): shards are of PostgreSQL 16 or 17", config)
	for _, version := range []string{"16.12 (Debian 16.12-1.pgdg12+1)", "17.8"} {
		s.program("postgres", "echo 'postgres (PostgreSQL) "+version+"'")
		s.requireRefusal("take 16.13, 17.9 or later", config)
	}
	s.program("postgres", "case $1 in --version) echo 'postgres (PostgreSQL) 16.13 (Debian 16.13-1.pgdg12+1)' ;; esac")
	output, err := s.rollout(config)
	require.NoError(t, err, output)
	s.program("postgres", "exit 126")
	s.requireRefusal("the image's postgres does not run", config)
}

// A shard that runs is asked for its version, before its pod is replaced by one that cannot
// read its data.
func TestAnImageThatCannotReadTheDataIsRefused(t *testing.T) {
	s := runningShard(t)
	own := func(name, host string) string { return fmt.Sprintf("OWN=%s %s %d shard_0_db", name, host, s.port) }
	config := "CONFIG=" + s.at("postgresql.conf")
	output, err := s.rollout(config, own("shard-0", "127.0.0.1"))
	require.NoError(t, err, output)

	s.program("postgres", `case $* in --version) echo 'postgres (PostgreSQL) 17.5';; esac`)
	s.requireRefusal("rollout: shard-0 has data of PostgreSQL 16, and its image is PostgreSQL 17: give the shard its old image back "+
		"(postgres.image or postgres.images); docs/major-upgrade.md says how shards get a new version", config, own("shard-0", "127.0.0.1"))
	for name, env := range map[string][]string{
		"a new shard":     {config, own("shard-0", "nowhere.invalid.")},
		"nothing changes": {own("shard-0", "127.0.0.1")},
	} {
		output, err := s.rollout(env...)
		require.NoError(t, err, "%s: %s", name, output)
	}
	s.kill()
	output, err = s.rollout(config, own("shard-0", "127.0.0.1"))
	require.NoError(t, err, "a shard that is away may be about to get its old image back: %s", output)
}

// A server that answers something else than its version is not taken for one that is away, unless this
// deployment may be what it waits for.
func TestAServerThatDoesNotTellItsVersion(t *testing.T) {
	config := func(s *shard) []string {
		return []string{"CONFIG=" + s.at("postgresql.conf"), fmt.Sprintf("OWN=shard-0 127.0.0.1 %d shard_0_db", s.port)}
	}
	passes := func(s *shard) {
		t.Helper()
		output, err := s.rollout(config(s)...)
		require.NoError(t, err, output)
		require.Contains(t, output, "the version of the data of shard-0 is not known")
	}
	s := runningShard(t)
	require.NoError(t, s.server.Process.Signal(syscall.SIGSTOP))
	output, err := s.rollout(config(s)...)
	require.NoError(t, s.server.Process.Signal(syscall.SIGCONT))
	require.Error(t, err)
	require.Contains(t, output, "shard-0 does not say of which version its data is: ")
	require.Contains(t, output, "timeout expired")

	s.exec("ALTER ROLE app CONNECTION LIMIT 0")
	passes(s)
	s.exec("ALTER ROLE app CONNECTION LIMIT -1 PASSWORD 'of the former state'")
	passes(s)
	s.program("psql", "echo 'psql: error: FATAL:  the database system is starting up' >&2; exit 2")
	passes(s)
	s.program("psql", "exit 127")
	s.requireRefusal("does not say of which version", config(s)...)
}

func TestASilentLossOfThePasswordIsNoAnswer(t *testing.T) {
	s := runningShard(t)
	s.requireRefusal("password is empty or absent", strings.Replace(s.line("first"), "shard-0 ", "shard-9 ", 1))
}
