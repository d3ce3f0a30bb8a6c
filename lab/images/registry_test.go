//go:build registry

package images

import (
	"bytes"
	"context"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The tests of this file fetch the real packages and run the real programs in a changed root. They need root and the
// registries, so they have a build tag of their own.

// TestImages builds all images once and tries each.
func TestImages(t *testing.T) {
	var log bytes.Buffer
	opts := Options{CacheDir: t.TempDir(), OutDir: t.TempDir(), RepoDir: testRepo(t), Log: &log}
	built := build(t, opts)
	t.Log("\n" + log.String())

	t.Run("again", func(t *testing.T) { testAgain(t, opts, built) })
	for i, try := range map[int]func(*testing.T, chroot){0: tryUsers, 3: tryRedis, 4: tryPostgres, 5: tryKafka, 6: tryPatroni} {
		t.Run(built[i].Ref, func(t *testing.T) {
			root := chroot(filepath.Join(t.TempDir(), "rootfs"))
			root.fill(t, built[i])
			requireLibraries(t, string(root))
			try(t, root)
		})
	}
}

// testRepo is a repository with the real pause and small programs that print their arguments and their user.
func testRepo(t *testing.T) string {
	t.Helper()
	pause, err := os.ReadFile("pause/main.go")
	require.NoError(t, err)
	dir := t.TempDir()
	const program = `package main
		import ("os"; "os/user")
		func main() { u, err := user.Current(); println(os.Args[1], u.Username, err == nil) }`
	for name, body := range map[string]string{
		"sharding/go.mod":                  "module example.test/sharding\n\ngo 1.26\n",
		"sharding/cmd/shardctl/main.go":    program,
		"services/users/go.mod":            "module example.test/users\n\ngo 1.26\n",
		"services/users/cmd/users/main.go": program,
		"lab/go.mod":                       "module example.test/lab\n\ngo 1.26\n",
		"lab/images/pause/main.go":         string(pause),
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(body), 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, patroniFolder), 0o755))
	for _, name := range append([]string{"requirements.txt"}, patroniScripts...) {
		body, err := os.ReadFile(filepath.Join("../..", patroniFolder, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, patroniFolder, name), body, 0o600))
	}
	return dir
}

func build(t *testing.T, opts Options) []Image {
	t.Helper()
	built, err := Build(context.Background(), opts)
	require.NoError(t, err)
	for _, image := range built {
		info, err := os.Stat(image.Tar)
		require.NoError(t, err)
		t.Log(image.Ref, image.Digest, info.Size(), image.Substitute)
	}
	return built
}

// testAgain builds nothing the second time, and the same image when an archive was lost.
func testAgain(t *testing.T, opts Options, built []Image) {
	require.NoError(t, os.Remove(built[4].Tar))
	for i, image := range build(t, opts) {
		require.Equal(t, built[i].Digest, image.Digest, image.Ref)
		require.Equal(t, i == 4, image.Built, image.Ref)
	}
}

func tryUsers(t *testing.T, root chroot) {
	require.Equal(t, "serve users true", root.run(t, int(programUser), "/users", "serve"))
}

func tryRedis(t *testing.T, root chroot) {
	server := root.start(t, int(redisUser), "docker-entrypoint.sh", "--port", "0", "--dir", "/data", "--unixsocket", "/data/redis.sock")
	cli := []string{"redis-cli", "-s", "/data/redis.sock"}
	root.await(t, int(redisUser), append(cli, "ping")...)
	require.Contains(t, root.run(t, int(redisUser), append(cli, "info", "server")...), "redis_version:7.2.4")
	stop(t, server, syscall.SIGTERM)
	out, err := root.command(0, "docker-entrypoint.sh", "redis-server").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "run it as uid 999")
}

func tryPostgres(t *testing.T, root chroot) {
	const data = postgresData + "/pgdata"
	user := int(postgresUser)
	require.Contains(t, root.run(t, user, "postgres", "--version"), "(PostgreSQL) 16.2")
	root.run(t, user, "initdb", "--pgdata", data, "--data-checksums", "--auth=trust",
		"--locale=en_US.utf8", "--lc-ctype=C.UTF-8")
	single := root.command(user, "postgres", "--single", "-D", data, "postgres")
	single.Stdin = strings.NewReader("CREATE DATABASE shard_0_db;\n")
	out, err := single.CombinedOutput()
	require.NoError(t, err, string(out))

	server := root.start(t, user, "docker-entrypoint.sh", "-D", data, "-c", "dynamic_shared_memory_type=mmap",
		"-c", "unix_socket_directories="+postgresSocket, "-c", "listen_addresses=", "-c", "wal_level=logical", "-c", "shared_preload_libraries=pg_stat_statements")
	root.await(t, user, "pg_isready")
	sql := func(query string) string { return root.run(t, user, "psql", "-XAtq", "-d", "shard_0_db", "-c", query) }
	require.Equal(t, "f", sql(`SELECT 'a' < 'B' COLLATE "C"`))
	require.Equal(t, "t", sql(`SELECT 'a' < 'B'`), "en_US.utf8 sorts by letter, not by code")
	require.Equal(t, "t", sql(`SELECT 'a' < 'B' COLLATE "de-x-icu"`))
	require.Equal(t, "16.2", sql(`SHOW server_version`))
	require.Equal(t, "0", sql(`CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pgcrypto;
		SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'none'`))
	require.Contains(t, root.run(t, user, "pg_dump", "-d", "shard_0_db", "--create"), "CREATE DATABASE shard_0_db")
	root.run(t, user, "pg_basebackup", "-D", "/tmp/copy", "--checkpoint=fast")
	root.run(t, user, "pg_ctl", "stop", "--pgdata", data, "--mode=fast", "--wait")
	stop(t, server, syscall.Signal(0))
}

func tryPatroni(t *testing.T, root chroot) { tryPatroniOf(t, root, "16.2") }

func tryPatroniOf(t *testing.T, root chroot, version string) {
	user := int(postgresUser)
	require.Equal(t, "postgres (PostgreSQL) "+version, root.run(t, user, "postgres", "--version"))
	require.Equal(t, "patronictl version 4.1.5", root.run(t, user, "patronictl", "version"))
	require.Equal(t, "patroni 4.1.5", root.run(t, user, "patroni", "--version"))
	require.Equal(t, "barman-cloud-wal-archive 3.19.1", root.run(t, user, "barman-cloud-wal-archive", "--version"))
	root.run(t, user, "python3", "-I", "-c", "import json, ssl, urllib.request")
	root.run(t, user, "python3", "-c", "import sys; sys.path.append('/opt/patroni/lib'); import patroni.dcs.kubernetes, patroni.postgresql.rewind, psycopg2")
}

func tryKafka(t *testing.T, root chroot) {
	user, java := int(kafkaUser), []string{"/" + javaHome + "/bin/java", "-Xmx128m", "-cp", "/" + kafkaHome + "/libs/*"}
	run := func(args ...string) string { return root.run(t, user, append(slices.Clone(java), args...)...) }
	require.Contains(t, run("kafka.Kafka", "--version"), kafkaVersion)
	require.Len(t, run("kafka.tools.StorageTool", "random-uuid"), 22)
	require.Equal(t, kafkaSubstitute, root.run(t, user, "cat", "/SUBSTITUTE"))
}

// chroot is an unpacked image. Nothing is mounted in it.
type chroot string

func (c chroot) fill(t *testing.T, image Image) {
	t.Helper()
	for _, dir := range []string{"dev", "proc"} {
		require.NoError(t, os.MkdirAll(filepath.Join(string(c), dir), 0o755))
	}
	for _, packed := range layersOf(t, image.Tar) {
		cmd := exec.Command("tar", "--extract", "--gzip", "--numeric-owner", "--same-permissions", "--directory", string(c))
		cmd.Stdin = bytes.NewReader(packed)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	null := filepath.Join(string(c), "dev/null")
	require.NoError(t, syscall.Mknod(null, syscall.S_IFCHR|0o666, 1<<8|3))
	require.NoError(t, os.Chmod(null, 0o666))
}

// inside mounts /proc, by which libraries are found beside their program, in a mount namespace that ends with it.
const inside = `mount -t proc proc "$0/proc" && exec /usr/sbin/chroot --userspec="$1:$1" "$0" "${@:2}"`

func (c chroot) command(user int, args ...string) *exec.Cmd {
	cmd := exec.Command("unshare", append([]string{"--mount", "bash", "-c", inside, string(c), strconv.Itoa(user)}, args...)...)
	cmd.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/" + postgres16.home() + "/bin", "LANG=en_US.utf8", "PGHOST=" + postgresSocket,
	}
	return cmd
}

func (c chroot) run(t *testing.T, user int, args ...string) string {
	t.Helper()
	out, err := c.command(user, args...).CombinedOutput()
	require.NoError(t, err, "%v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (c chroot) start(t *testing.T, user int, args ...string) *exec.Cmd {
	t.Helper()
	var log bytes.Buffer
	cmd := c.command(user, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return cmd
}

func (c chroot) await(t *testing.T, user int, args ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return c.command(user, args...).Run() == nil },
		20*time.Second, 100*time.Millisecond, "%v", args)
}

// stop asks a server to end and waits for it; one that does not is killed, which Wait reports.
func stop(t *testing.T, cmd *exec.Cmd, signal os.Signal) {
	t.Helper()
	require.NoError(t, cmd.Process.Signal(signal))
	defer time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	require.NoError(t, cmd.Wait())
}

// requireLibraries checks that each program and library finds by name every library it is linked with.
func requireLibraries(t *testing.T, root string) {
	t.Helper()
	have, want := map[string]bool{}, map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		have[d.Name()] = true
		binary, err := elf.Open(file)
		if err != nil {
			return nil // not a program
		}
		defer binary.Close()
		needed, err := binary.ImportedLibraries()
		for _, name := range needed {
			want[name] = file
		}
		return err
	}))
	for name, file := range want {
		require.True(t, have[name], "%s needs %s", file, name)
	}
}

// layersOf gives an archive's packed layers, the lowest first.
func layersOf(t *testing.T, file string) (packed [][]byte) {
	t.Helper()
	files := readArchive(t, file)
	for _, d := range manifestOf(t, files).Layers {
		packed = append(packed, blobOf(files, d))
	}
	return packed
}
