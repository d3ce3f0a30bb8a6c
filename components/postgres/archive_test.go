package postgres

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// archiveNow ends the present file of the log and waits until it is archived.
func (s *shard) archiveNow() {
	s.t.Helper()
	s.exec("CREATE TABLE IF NOT EXISTS marks (n int); INSERT INTO marks VALUES (1)")
	file := s.query("postgres", "admin-1", "SELECT pg_walfile_name(pg_switch_wal())")
	require.Eventually(s.t, func() bool {
		return s.query("postgres", "admin-1", "SELECT coalesce(max(last_archived_wal) >= '"+file+"', false)::text FROM pg_stat_archiver") == "true"
	}, 30*time.Second, 100*time.Millisecond, "%s is not archived", file)
}

// archiveFailure is the reason why nothing is archived.
func (s *shard) archiveFailure(want string) {
	s.t.Helper()
	logged := s.startWithLog()
	s.exec("CREATE TABLE IF NOT EXISTS marks (n int); INSERT INTO marks VALUES (1); SELECT pg_switch_wal()")
	require.Eventually(s.t, func() bool { return strings.Contains(logged(), want) }, 30*time.Second, 100*time.Millisecond, want)
	require.Equal(s.t, "0", s.query("postgres", "admin-1", "SELECT archived_count::text FROM pg_stat_archiver"))
}

// A second cluster with the same archive is refused, whether it is new or has data.
func TestAnArchiveNeverChangesHands(t *testing.T) {
	store := newStore(t)
	first := store.backed(t)
	first.requireBootstrap()
	first.start()
	first.fill(1, 100)
	first.archiveNow()
	kept := contents(t, store, "prod/postgres-shard-0")
	require.NotEmpty(t, kept)

	fresh := store.backed(t)
	output, err := fresh.bootstrap()
	require.Error(t, err)
	require.Contains(t, output, "this volume is empty")
	require.NoDirExists(t, fresh.at("volume/pgdata"))

	grown := store.backed(t)
	args := store.args(nil)
	args.Backup = nil
	grown.configure(args)
	grown.requireBootstrap()
	grown.configure(store.args(nil))
	grown.requireBootstrap()
	grown.archiveFailure("belongs to another cluster")
	output, err = grown.python(grown.at("backup.py"), "base")
	require.Error(t, err)
	require.Contains(t, output, "belongs to another cluster")

	// Whoever removes the owner makes nobody the owner of the files.
	require.NoError(t, os.Remove(filepath.Join(store.folder, "backups/prod/postgres-shard-0/owner.json")))
	output, err = grown.python(grown.at("backup.py"), "base")
	require.Error(t, err)
	require.Contains(t, output, "has files, and nothing says whose")
	delete(kept, "owner.json")
	require.Equal(t, kept, contents(t, store, "prod/postgres-shard-0"))
}

func contents(t *testing.T, s *store, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range s.files(folder) {
		data, err := os.ReadFile(filepath.Join(s.folder, "backups", folder, name))
		require.NoError(t, err)
		all[name] = string(data)
	}
	return all
}

// A file of the log is archived again as often as the server likes, and never changed.
func TestAFileOfTheLogIsNeverOverwritten(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	archive := func(content string) (string, error) {
		s.write("000000010000000000000077", content)
		return s.python(s.at("backup.py"), "archive", s.at("000000010000000000000077"))
	}
	for range 2 {
		output, err := archive("one")
		require.NoError(t, err, output)
	}
	output, err := archive("two")
	require.Error(t, err)
	require.Contains(t, output, "another server has written it, and it stays")
	s.env = append(s.env, "FROM=postgres-shard-0")
	output, err = s.python(s.at("backup.py"), "fetch", "000000010000000000000077", s.at("fetched"))
	require.NoError(t, err, output)
	text, err := os.ReadFile(s.at("fetched"))
	require.NoError(t, err)
	require.Equal(t, "one", string(text))
}

// While the bucket is away the shard serves, and archives by itself when it is back.
func TestAShardServesWhileTheBucketIsAway(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	s.env = append(s.env, "AWS_MAX_ATTEMPTS=1")
	s.start()
	s.fill(1, 10)
	s.archiveNow()
	store.stop()
	s.exec("INSERT INTO marks VALUES (2); SELECT pg_switch_wal()")
	require.Eventually(t, func() bool {
		return s.query("postgres", "admin-1", "SELECT (failed_count > 0)::text FROM pg_stat_archiver") == "true"
	}, 60*time.Second, 100*time.Millisecond)
	s.fill(11, 20)
	s.end(syscall.SIGINT)
	s.requireBootstrap()
	s.start()
	require.Contains(t, s.rows(), "20 ")
	store.start()
	s.archiveNow()
}

// The container makes the first base backup at once and the next when it is due.
func TestBaseBackupsAreMadeOnTime(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	s.start()
	s.fill(1, 10)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, port, _ := net.SplitHostPort(address)
	s.env = append(s.env, "PORT="+port, "ALIVE="+s.at("alive"))
	log, err := os.Create(s.at("backup.log"))
	require.NoError(t, err)
	defer log.Close()
	run := s.pythonCommand(s.at("backup.py"), "run")
	run.Stderr = log
	require.NoError(t, run.Start())
	defer func() {
		_ = syscall.Kill(-run.Process.Pid, syscall.SIGKILL)
		_ = run.Wait()
	}()
	bases := func() int {
		found := map[string]bool{}
		for _, name := range store.files("prod/postgres-shard-0/base") {
			if strings.HasSuffix(name, "data.tar") {
				found[filepath.Dir(name)] = true
			}
		}
		return len(found)
	}
	require.Eventually(t, func() bool { return bases() == 1 }, 40*time.Second, 200*time.Millisecond)
	var metrics string
	require.Eventually(t, func() bool {
		metrics = get(t, "http://"+address+"/metrics")
		return !strings.Contains(metrics, `last_timestamp_seconds{shard="shard-0"} 0.0`)
	}, 20*time.Second, 200*time.Millisecond)
	require.Contains(t, metrics, `scalestack_backup_interval_seconds{shard="shard-0"} 86400`)
	require.Contains(t, metrics, `scalestack_backup_failures_total{shard="shard-0"} 0`)
	time.Sleep(3 * time.Second)
	require.Equal(t, 1, bases(), "the next one is due tomorrow")
	require.FileExists(t, s.at("alive"))

	// Settings count without a restart.
	s.write("backup.json", strings.Replace(mountedText(t, s, "backup.json"), `"intervalSeconds": 86400`, `"intervalSeconds": 1`, 1))
	require.Eventually(t, func() bool { return bases() >= 2 }, 40*time.Second, 200*time.Millisecond)
}

func mountedText(t *testing.T, s *shard, name string) string {
	t.Helper()
	text, err := os.ReadFile(s.at(name))
	require.NoError(t, err)
	return string(text)
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		return `last_timestamp_seconds{shard="shard-0"} 0.0`
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

// One member of several makes the base backups: a standby that follows, if there is one.
func TestAStandbyMakesTheBaseBackups(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"bucket.py": bucketProgram, "backup.py": backupProgram, "datadir.py": dataDirProgram, "rest.py": restProgram, "segments.py": segmentsProgram} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for members, want := range map[string]string{
		`{"name": "a", "role": "leader", "state": "running"}`: "a",
		`{"name": "a", "role": "leader", "state": "running"}, {"name": "c", "role": "quorum_standby", "state": "streaming"}, {"name": "b", "role": "replica", "state": "streaming"}`: "b",
		`{"name": "a", "role": "replica", "state": "creating replica"}, {"name": "b", "role": "leader", "state": "running"}`:                                                         "b",
		`{"name": "a", "role": "replica", "state": "stopped"}`: "",
	} {
		program := fmt.Sprintf("import sys; sys.path.insert(0, %q); import backup, os\nbackup.rest.cluster = lambda: {'members': [%s]}\n"+
			"for pod in 'abc':\n  os.environ['POD'] = pod\n  print(pod if backup.chosen() else '', end='')", dir, members)
		output, err := exec.Command("python3", "-I", "-c", program).CombinedOutput()
		require.NoError(t, err, string(output))
		require.Equal(t, want, string(output), members)
	}
}

// PostgreSQL counts no failure of a program that is killed, and what waits is told nevertheless.
func TestLogThatWaitsIsTold(t *testing.T) {
	s := newStore(t).backed(t)
	s.requireBootstrap()
	s.start()
	told := func() string {
		output, err := s.python("-c", "import sys; sys.path.insert(0, '"+s.folder+"'); import backup\nb = backup.Backups(); b.watch(); print(b.metrics())")
		require.NoError(t, err, output)
		require.NotContains(t, output, "patroni")
		return output
	}
	require.Eventually(t, func() bool {
		return strings.Contains(told(), `scalestack_backup_waiting_seconds{shard=""} 0.0`)
	}, 30*time.Second, 200*time.Millisecond, "a server that archives has nothing that waits")

	s.exec("ALTER SYSTEM SET archive_command = 'kill -9 $$'")
	s.exec("SELECT pg_reload_conf()")
	s.fill(1, 10)
	s.query("postgres", "admin-1", "SELECT pg_switch_wal()::text")
	require.Eventually(t, func() bool {
		return regexp.MustCompile(`waiting_seconds\{shard=""\} [2-9]`).MatchString(told())
	}, 30*time.Second, 500*time.Millisecond)
	require.Equal(t, "0", s.query("postgres", "admin-1", "SELECT failed_count::text FROM pg_stat_archiver"))
}

// Only the primary archives: what a standby has kept of its time as a primary waits for nobody.
func TestAPauseIsToldAndAStandbysLogIsNot(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"bucket.py": bucketProgram, "backup.py": backupProgram, "datadir.py": dataDirProgram, "rest.py": restProgram, "segments.py": segmentsProgram} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	status := filepath.Join(dir, "data/pg_wal/archive_status")
	require.NoError(t, os.MkdirAll(status, 0o755))
	ready := filepath.Join(status, "000000010000000000000007.ready")
	require.NoError(t, os.WriteFile(ready, nil, 0o600))
	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(ready, hourAgo, hourAgo))
	program := fmt.Sprintf("import sys; sys.path.insert(0, %q); import backup, os\nos.environ['PGDATA'] = %q\n", dir, filepath.Join(dir, "data")) +
		"backup.rest.cluster = lambda: {'pause': True, 'members': [{'name': 'a', 'role': 'leader'}, {'name': 'b', 'role': 'replica'}]}\n" +
		"for pod in 'ab':\n  os.environ['POD'] = pod; b = backup.Backups(); b.watch(); print(b.metrics())"
	output, err := exec.Command("python3", "-I", "-c", program).CombinedOutput()
	require.NoError(t, err, string(output))
	require.Equal(t, 2, strings.Count(string(output), `scalestack_backup_patroni_paused{shard=""} 1`), string(output))
	require.Contains(t, string(output), `scalestack_backup_waiting_seconds{shard=""} 360`)
	require.Contains(t, string(output), `scalestack_backup_waiting_seconds{shard=""} 0.0`)
}

// The server and the container backup claim a new archive at the same moment.
func TestAnArchiveIsClaimedByTwoProgramsOfOneCluster(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	s.write("000000010000000000000077", "one")
	s.write("late.py", "import sys\nsys.path.insert(0, sys.argv[1])\nimport backup, bucket\nseen = bucket.Archive.owner\n"+
		"def late(self):\n  bucket.Archive.owner = seen\n  backup.archive_file(sys.argv[2])\n  return None\n"+
		"bucket.Archive.owner = late\nprint(backup.own_archive(bucket.read_settings()).owner()['system'])\n")
	output, err := s.python(s.at("late.py"), s.folder, s.at("000000010000000000000077"))
	require.NoError(t, err, output)
	require.NotContains(t, output, "nothing says whose")
}
