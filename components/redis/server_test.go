package redis

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// serverVariable names the redis-server to test the generated files with.
const serverVariable = "SCALESTACK_TEST_REDIS"

// startServer runs a real server on the component's own files, with the paths
// and the port of a test.
func startServer(t *testing.T, password string, lines ...string) (address string) {
	t.Helper()
	address, _ = startProcess(t, password, lines...)
	return address
}

func startProcess(t *testing.T, password string, lines ...string) (address string, process *exec.Cmd) {
	t.Helper()
	server := os.Getenv(serverVariable)
	if server == "" {
		t.Skipf("needs a real Redis: set %s to redis-server", serverVariable)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())

	folder, args := t.TempDir(), (&Args{MaxClients: testClients}).withDefaults()
	config := strings.NewReplacer(
		"bind * -::*", "bind 127.0.0.1",
		"port 6379", "port "+strconv.Itoa(port),
		aclPath, folder,
		"dir "+dataPath, "dir "+folder,
	).Replace(serverConfig(args))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "redis.conf"), []byte(config), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "users.acl"), []byte(userList(args, password)+strings.Join(lines, "")), 0o600))

	cmd := exec.Command(server, filepath.Join(folder, "redis.conf"))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	address = "127.0.0.1:" + strconv.Itoa(port)
	require.Eventually(t, func() bool {
		return client(t, address, "", "").Ping(context.Background()).Err() == nil
	}, 10*time.Second, 20*time.Millisecond, "the server does not answer a ping without a password")
	return address, cmd
}

func client(t *testing.T, address, user, password string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: address, Username: user, Password: password})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestARealServerTakesTheFiles(t *testing.T) {
	ctx := context.Background()
	address := startServer(t, "secret")

	t.Run("the default user may only ping and end a script", func(t *testing.T) {
		anyone := client(t, address, "", "")
		require.ErrorContains(t, anyone.Get(ctx, "user_profile:1").Err(), "NOPERM")
		require.ErrorContains(t, anyone.FlushAll(ctx).Err(), "NOPERM")
		require.ErrorContains(t, anyone.Info(ctx).Err(), "NOPERM")
		require.ErrorContains(t, anyone.ScriptFlush(ctx).Err(), "NOPERM")
		require.ErrorContains(t, anyone.ScriptKill(ctx).Err(), "NOTBUSY")
	})

	t.Run("a wrong password is refused", func(t *testing.T) {
		require.ErrorContains(t, client(t, address, AppUser, "guess").Ping(ctx).Err(), "WRONGPASS")
	})

	t.Run("the app's user can do cache-aside", func(t *testing.T) {
		app := client(t, address, AppUser, "secret")
		require.NoError(t, app.Set(ctx, "user_profile:1", "ada", time.Hour).Err())
		require.Equal(t, "ada", app.Get(ctx, "user_profile:1").Val())
		require.NoError(t, app.Del(ctx, "user_profile:1").Err())
		script := redis.NewScript(`return redis.call("SET", KEYS[1], ARGV[1], "PX", 1000)`)
		require.NoError(t, script.Run(ctx, app, []string{"user_profile:2"}, "bob").Err())
		require.NoError(t, script.Run(ctx, app, []string{"user_profile:2"}, "bob").Err())
	})

	t.Run("and nothing else", func(t *testing.T) {
		app := client(t, address, AppUser, "secret")
		script := redis.NewScript(`return redis.call("FLUSHALL")`)
		for name, err := range map[string]error{
			"another key":  app.Set(ctx, "session:1", "x", 0).Err(),
			"keys":         app.Keys(ctx, "*").Err(),
			"scan":         app.Scan(ctx, 0, "*", 10).Err(),
			"flushall":     app.FlushAll(ctx).Err(),
			"config":       app.ConfigGet(ctx, "*").Err(),
			"client kill":  app.ClientKill(ctx, "1.2.3.4:5").Err(),
			"script flush": app.ScriptFlush(ctx).Err(),
		} {
			require.ErrorContains(t, err, "NOPERM", name)
		}
		require.ErrorContains(t, script.Run(ctx, app, nil).Err(), "ACL failure in script")
	})
}

// What does not end must not take the cache away for longer than a probe or two. Roles of
// other rights than the default may have functions too.
func TestTheProbeEndsWhatHoldsUpTheServer(t *testing.T) {
	const login, library = "any", `#!lua name=lib
redis.register_function('spin', function(keys) while true do end end)
redis.register_function('write_and_spin', function(keys) redis.call('SET', keys[1], 'x') while true do end end)`
	for name, c := range map[string]struct {
		command []any
		ends    bool
	}{
		"script":                    {[]any{"EVAL", "while true do end", 0}, false},
		"script that has written":   {[]any{"EVAL", `redis.call("SET", KEYS[1], "x") while true do end`, 1, "user_profile:1"}, true},
		"function":                  {[]any{"FCALL", "spin", 0}, false},
		"function that has written": {[]any{"FCALL", "write_and_spin", 1, "user_profile:1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			address, server := startProcess(t, "secret", "user any reset on >any ~* +@all\n")
			user := redis.NewClient(&redis.Options{Addr: address, Username: login, Password: login, ReadTimeout: time.Minute, MaxRetries: -1})
			t.Cleanup(func() { _ = user.Close() })
			require.NoError(t, user.FunctionLoad(t.Context(), library).Err())
			check := func() error { return runCheck(t, ready, "tcp", address, server.Process.Pid) }
			require.NoError(t, check(), "a healthy server")

			result, gone := make(chan error, 1), make(chan error, 1)
			go func() { result <- user.Do(context.Background(), c.command...).Err() }()
			go func() { gone <- server.Wait() }()
			require.Eventually(t, func() bool { return check() != nil }, 5*time.Second, 10*time.Millisecond, "it runs")
			if c.ends {
				require.Eventually(t, func() bool { _ = check(); return len(gone) == 1 }, 15*time.Second, 100*time.Millisecond, "the server ends")
				return
			}
			require.Eventually(t, func() bool { return check() == nil }, 10*time.Second, 10*time.Millisecond, "the server answers again")
			require.ErrorContains(t, <-result, "killed by user")
			require.Empty(t, gone)
		})
	}
}
