//go:build registry

package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNextMinor builds the images of a shard before and after a minor upgrade, and takes data there and back.
// SCALESTACK_TEST_CACHE names a lab's cache, with which it downloads what that lacks.
func TestNextMinor(t *testing.T) {
	cache := os.Getenv("SCALESTACK_TEST_CACHE")
	if cache == "" {
		cache = t.TempDir()
	}
	repo, err := filepath.Abs("../..")
	require.NoError(t, err)
	b, err := newBuilder(Options{CacheDir: cache, OutDir: t.TempDir(), RepoDir: repo, Patroni: true, Log: os.Stderr})
	require.NoError(t, err)
	before, after := chroot(t.TempDir()), chroot(t.TempDir())
	later := b.nextMinor()
	require.Equal(t, "postgres:16.15", later[0].ref)
	for root, recipe := range map[chroot]recipe{before: b.patroni(), after: later[1]} {
		image, err := b.image(t.Context(), recipe)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(string(root), 0o755))
		root.fill(t, image)
		requireLibraries(t, string(root))
	}
	tryPatroniOf(t, after, "16.15")

	before.run(t, int(postgresUser), "initdb", "--pgdata", minorData, "--data-checksums", "--auth=trust", "--locale=en_US.utf8", "--lc-ctype=C.UTF-8")
	require.Equal(t, "1", before.visit(t, "16.2", `CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pgcrypto;
		CREATE TABLE t (name text PRIMARY KEY); INSERT INTO t VALUES ('before'); SELECT count(*) FROM t`))
	before.give(t, after)
	require.Equal(t, "2", after.visit(t, "16.15", `INSERT INTO t VALUES ('after'); SELECT count(*) FROM t`))
	after.give(t, before)
	require.Equal(t, "3", before.visit(t, "16.2", `INSERT INTO t VALUES ('back'); SELECT count(*) FROM t`))
}

const minorData = postgresData + "/pgdata"

// visit runs statements on a server of this image, which is of that version and complains about nothing.
func (c chroot) visit(t *testing.T, version, statements string) string {
	t.Helper()
	user := int(postgresUser)
	server := c.start(t, user, "docker-entrypoint.sh", "-D", minorData, "-c", "dynamic_shared_memory_type=mmap",
		"-c", "unix_socket_directories="+postgresSocket, "-c", "listen_addresses=", "-c", "shared_preload_libraries=pg_stat_statements")
	c.await(t, user, "pg_isready")
	sql := func(query string) string { return c.run(t, user, "psql", "-XAtq", "-d", "postgres", "-c", query) }
	require.Equal(t, version, sql("SHOW server_version"))
	answer := sql(statements)
	require.Equal(t, "0", sql(`SELECT count(*) FROM pg_available_extensions WHERE installed_version <> default_version`))
	require.Equal(t, "0", sql(`SELECT count(*) FROM pg_database WHERE datcollversion <> pg_database_collation_actual_version(oid)`))
	require.Equal(t, "0", sql(`SELECT count(*) FROM pg_collation WHERE collversion <> pg_collation_actual_version(oid)`))
	c.run(t, user, "pg_ctl", "stop", "--pgdata", minorData, "--mode=fast", "--wait")
	stop(t, server, syscall.Signal(0))
	return answer
}

// give replaces the other image's data by this one's.
func (c chroot) give(t *testing.T, other chroot) {
	t.Helper()
	to := filepath.Join(string(other), minorData)
	require.NoError(t, os.RemoveAll(to))
	out, err := exec.Command("cp", "--archive", filepath.Join(string(c), minorData), to).CombinedOutput()
	require.NoError(t, err, string(out))
}
