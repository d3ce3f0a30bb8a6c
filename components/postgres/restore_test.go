package postgres

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// archived is a shard with a base backup, rows after it, and a table that was dropped after
// a moment.
func archived(t *testing.T, s *store) (shard *shard, moment, rows string) {
	t.Helper()
	shard = s.backed(t)
	shard.requireBootstrap()
	shard.start()
	shard.fill(1, 1000)
	shard.base()
	shard.fill(1001, 2000)
	moment, rows = shard.moment(), shard.rows()
	shard.fill(2001, 2100)
	shard.exec("DROP TABLE kept")
	shard.end(syscall.SIGINT)
	return shard, moment, rows
}

func (s *shard) restore(store *store, r Restore) (string, error) {
	r.Shards = []int{0}
	s.configure(store.args(&r))
	return s.bootstrap()
}

func (s *shard) requireRestore(store *store, r Restore) {
	s.t.Helper()
	output, err := s.restore(store, r)
	require.NoError(s.t, err, output)
}

func TestAShardIsRestoredToAMomentAndFromALostVolume(t *testing.T) {
	store := newStore(t)
	s, moment, rows := archived(t, store)
	s.requireRestore(store, Restore{Name: "friday", To: moment})
	require.DirExists(t, s.at("volume/pgdata.before-friday"))
	s.start()
	require.Equal(t, rows, s.rows(), "everything up to the moment, and nothing after it")
	require.Equal(t, "app", s.query(AppRole, appPassword, "SELECT current_user::text"))

	// It goes on in an archive of its own, from the first file of its timeline on.
	s.fill(3001, 3500)
	s.base()
	s.fill(3501, 4000)
	rows = s.rows()
	s.end(syscall.SIGINT)
	require.Contains(t, strings.Join(store.files("prod/postgres-shard-0-friday/wals"), " "), "00000002.history")
	s.requireBootstrap()
	s.start()
	require.Equal(t, rows, s.rows(), "a restore is made once")
	s.end(syscall.SIGINT)

	// The volume is lost: nothing becomes an empty shard without a word.
	require.NoError(t, os.RemoveAll(s.at("volume")))
	s.newVolume()
	s.configure(store.args(nil))
	output, err := s.bootstrap()
	require.Error(t, err)
	require.Contains(t, output, "this volume is empty, and s3://backups/prod/postgres-shard-0 has the archive of a shard of this name")
	output, err = s.restore(store, Restore{Name: "lost", To: latest})
	require.Error(t, err)
	require.Contains(t, output, "name one of postgres-shard-0, postgres-shard-0-friday in postgres.restore.from")
	s.requireRestore(store, Restore{Name: "lost", To: latest, From: "postgres-shard-0-friday"})
	s.start()
	require.Equal(t, rows, s.rows())
	require.NoDirExists(t, s.at("volume/pgdata.before-lost"))
}

func (s *shard) newVolume() { s.newFolder("volume") }

// newFolder is one that the servers' user may write to.
func (s *shard) newFolder(name string) {
	require.NoError(s.t, os.Mkdir(s.at(name), 0o755))
	if os.Getuid() == 0 {
		require.NoError(s.t, os.Chown(s.at(name), nobody, nobody))
	}
}

// What the server had not archived when it died is taken from the old folder.
func TestARestoreReadsWhatWasNotArchivedYet(t *testing.T) {
	store := newStore(t)
	s := written(t, store)
	moment, rows := s.moment(), s.rows()
	s.exec("DROP TABLE kept")
	s.kill()
	s.requireRestore(store, Restore{Name: "friday", To: moment})
	s.start()
	require.Equal(t, rows, s.rows())
}

// A restore that cannot be made says why, and leaves the shard's data as it is.
func TestARestoreThatCannotBeMadeLeavesTheData(t *testing.T) {
	store := newStore(t)
	s, moment, _ := archived(t, store)
	for name, tc := range map[string]struct {
		restore Restore
		want    string
	}{
		"too early": {Restore{To: "2001-01-01T00:00:00Z"}, "is before the oldest base backup of s3://backups/prod/postgres-shard-0"},
		"too late":  {Restore{To: time.Now().UTC().Format(time.RFC3339Nano)}, "before configured recovery target was reached"},
		"future":    {Restore{To: time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, "is in the future"},
		"nowhere":   {Restore{To: moment, From: "postgres-shard-9"}, "there is no archive s3://backups/prod/postgres-shard-9"},
		"no latest": {Restore{To: latest, From: "other"}, "there is no archive s3://backups/prod/other"},
	} {
		tc.restore.Name = strings.ReplaceAll(name, " ", "-")
		output, err := s.restore(store, tc.restore)
		require.Error(t, err, name)
		require.Contains(t, output, tc.want, name)
		require.NoDirExists(t, s.at("volume/pgdata.before-"+tc.restore.Name))
	}
	s.configure(store.args(nil))
	s.requireBootstrap()
	s.start()
	require.Equal(t, "true", s.query("postgres", "admin-1", "SELECT (to_regclass('kept') IS NULL)::text"), "the data of before")
	s.fill(1, 10)
	s.end(syscall.SIGINT)

	// The mended time under the same name.
	s.requireRestore(store, Restore{Name: "too-late", To: moment})
	// Another volume's restore of that name would write to the same archive.
	require.NoError(t, os.RemoveAll(s.at("volume")))
	s.newVolume()
	output, err := s.restore(store, Restore{Name: "too-late", To: moment, From: "postgres-shard-0"})
	require.Error(t, err)
	require.Contains(t, output, "a restore of this name was made before")
	require.NoDirExists(t, s.at("volume/pgdata"))
}

// A bucket that does not answer is not the end of the log.
func TestARestoreWithoutTheBucketFails(t *testing.T) {
	store := newStore(t)
	s, moment, rows := archived(t, store)
	store.stop()
	s.env = append(s.env, "AWS_MAX_ATTEMPTS=1")
	_, err := s.restore(store, Restore{Name: "friday", To: moment})
	require.Error(t, err)
	output, err := s.command("sh", "-c", fmt.Sprintf("FROM=postgres-shard-0 python3 -I %s fetch 000000010000000000000002 %s; echo code $?", s.at("backup.py"), s.at("x"))).CombinedOutput()
	require.NoError(t, err)
	require.Contains(t, string(output), "code 255")
	store.start()
	s.requireRestore(store, Restore{Name: "friday", To: moment})
	s.start()
	require.Equal(t, rows, s.rows())
}

// Killed anywhere, the restore is made by a later start, once and whole.
func TestARestoreConvergesWhenKilled(t *testing.T) {
	store := newStore(t)
	s, moment, rows := archived(t, store)
	require.NoError(t, s.command("cp", "-a", s.at("volume"), s.at("saved")).Run())
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random, name := rand.New(rand.NewPCG(seed, 0)), 0
	check := func(what string) {
		s.requireRestoreIn(90 * time.Second)
		require.DirExists(t, s.at(fmt.Sprintf("volume/pgdata.before-r%d", name)))
		s.start()
		require.Equal(t, rows, s.rows(), what)
		s.kill()
		t.Log(what)
	}
	begin := func() {
		name++
		require.NoError(t, os.RemoveAll(s.at("volume")))
		require.NoError(t, s.command("cp", "-a", s.at("saved"), s.at("volume")).Run())
		s.configure(store.args(&Restore{Name: fmt.Sprintf("r%d", name), To: moment, Shards: []int{0}}))
	}
	for step := 1; ; step++ {
		begin()
		restore := s.killAtStep(step, "sync", "postgres")
		_, err := s.bootstrap()
		restore()
		if err == nil {
			require.Greater(t, step, 5, "the script runs fewer programs than expected")
			break
		}
		check(fmt.Sprintf("killed before step %d", step))
	}
	for range 4 {
		begin()
		for range 2 {
			s.bootstrapKilledAfter(time.Duration(random.IntN(6000)) * time.Millisecond)
		}
		check("killed at any time")
	}
}

// requireRestoreIn waits for what a killed run left running.
func (s *shard) requireRestoreIn(patience time.Duration) {
	s.t.Helper()
	var output string
	require.Eventually(s.t, func() bool {
		var err error
		output, err = s.bootstrap()
		return err == nil
	}, patience, 50*time.Millisecond, "the restore does not converge: %s", output)
}

// killAtStep replaces programs by ones that kill the whole script at their n-th call,
// before they do their work.
func (s *shard) killAtStep(step int, programs ...string) (restore func()) {
	require.NoError(s.t, os.RemoveAll(s.at("calls")))
	before := s.path
	for _, program := range programs {
		s.write("killers/"+program, fmt.Sprintf("#!/bin/sh\necho >> %[1]s/calls\nif [ \"$(wc -l < %[1]s/calls)\" -eq %[2]d ]; then kill -KILL 0; fi\nPATH=%[3]s exec %[4]s \"$@\"\n",
			s.folder, step, before, program))
		require.NoError(s.t, os.Chmod(s.at("killers/"+program), 0o755))
	}
	require.NoError(s.t, os.Chmod(s.at("killers"), 0o755))
	s.path = s.at("killers") + ":" + before
	return func() { s.path = before }
}

// The data of before stays, so a volume needs room for both, and for the log that is replayed.
func TestARestoreNeedsRoom(t *testing.T) {
	store := newStore(t)
	s, moment, _ := archived(t, store)
	s.configure(store.args(&Restore{Name: "friday", To: moment, Shards: []int{0}}))
	s.write("full.py", "import collections, shutil, sys\nsys.path.insert(0, sys.argv[1])\n"+
		"shutil.disk_usage = lambda path: collections.namedtuple('usage', 'total used free')(1 << 30, 1 << 30, int(sys.argv[2]) << 20)\n"+
		"import restore\ntry:\n  restore.main()\nexcept restore.bucket.Refused as reason:\n  print(reason)\n")
	output, err := s.python(s.at("full.py"), s.folder, "1")
	require.NoError(t, err, output)
	require.Contains(t, output, "has 1 MiB free, and base backup")
	needs := regexp.MustCompile(`needs (\d+) MiB, the log after it (\d+) and 128 MiB to spare`).FindStringSubmatch(output)
	require.Len(t, needs, 3, output)
	size, _ := strconv.Atoi(needs[1])
	log, _ := strconv.Atoi(needs[2])
	require.GreaterOrEqual(t, log, 32, "two files at least")
	output, err = s.python(s.at("full.py"), s.folder, strconv.Itoa(size+128+log))
	require.NoError(t, err, output)
	require.Contains(t, output, "to spare: raise postgres.storage.size", "less than a MiB is missing")
	require.NoDirExists(t, s.at("volume/pgdata.restoring"))
	require.NotContains(t, strings.Join(store.files("prod"), " "), "postgres-shard-0-friday", "nothing is claimed")
}
