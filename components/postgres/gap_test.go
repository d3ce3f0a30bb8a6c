package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// finish ends the present file of the log, which has a commit of its own, and names it.
func (s *shard) finish() string {
	s.t.Helper()
	s.exec("CREATE TABLE IF NOT EXISTS marks (n int); INSERT INTO marks VALUES (1)")
	return s.query("postgres", "admin-1", "SELECT pg_walfile_name(pg_switch_wal())")
}

// remove takes files of the log out of the archive, as a rule of the bucket might.
func (s *store) remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		found, err := filepath.Glob(filepath.Join(s.folder, "backups/prod/postgres-shard-0/wals/*", name+"*"))
		require.NoError(t, err)
		require.Len(t, found, 1, name)
		require.NoError(t, os.Remove(found[0]))
	}
}

// looked is what the container backup tells after a look at the archive.
func (s *shard) looked() string {
	s.t.Helper()
	output, err := s.python("-c", "import sys, time; sys.path.insert(0, '"+s.folder+"'); import backup\n"+
		"b = backup.Backups(); b.settings = backup.bucket.read_settings(); b.list(); print('due now' if b.due <= time.time() else 'due later', b.metrics())")
	require.NoError(s.t, err, output)
	return output
}

func (s *shard) requireDue(due bool) {
	s.t.Helper()
	told := s.looked()
	never := regexp.MustCompile(`scalestack_backup_gap_timestamp_seconds\{shard="shard-0"\} 0\.0\n`)
	if due {
		require.Contains(s.t, told, "due now")
		require.NotRegexp(s.t, never, told)
		return
	}
	require.Contains(s.t, told, "due later")
	require.Regexp(s.t, never, told)
}

func (s *shard) loseVolume() {
	s.t.Helper()
	require.NoError(s.t, os.RemoveAll(s.at("volume")))
	s.newVolume()
}

// Files that a rule of the bucket has removed are no end of the log: neither a restore nor a verification goes by them.
func TestAGapInTheLogIsNotItsEnd(t *testing.T) {
	store := newStore(t)
	s := written(t, store)
	early, rows := s.moment(), s.rows()
	s.fill(2001, 2100)
	s.archiveNow()
	s.fill(2101, 2200)
	first, last := s.finish(), s.finish()
	s.fill(2201, 3000)
	s.archiveNow()
	late := s.moment()
	s.fill(3001, 3100)
	s.archiveNow()
	s.requireDue(false)
	store.remove(t, first, last)
	names := first + " to " + last + ", 2 in all, are missing"
	s.requireDue(true)
	s.end(syscall.SIGINT)

	output, err := s.verify(store, 0)
	require.Error(t, err, output)
	require.Contains(t, output, names)
	require.NoError(t, os.Rename(s.at("volume"), s.at("saved")))
	s.newVolume()
	for name, to := range map[string]string{"lost": latest, "late": late} {
		output, err = s.restore(store, Restore{Name: name, To: to})
		require.Error(t, err, output)
		require.Contains(t, output, names)
		require.Contains(t, output, "postgres.restore.to can be a moment before 20")
		require.NoDirExists(t, s.at("volume/pgdata"))
	}
	output, err = s.fetch(first)
	require.NoError(t, err)
	require.Contains(t, output, "the log has a gap")
	require.Contains(t, output, "code 255")
	output, err = s.fetch("000000010000000000000077")
	require.NoError(t, err)
	require.Contains(t, output, "code 1", "the end of the log")

	// A base backup ends it, and a moment before it can be restored as ever.
	require.NoError(t, os.RemoveAll(s.at("volume")))
	require.NoError(t, os.Rename(s.at("saved"), s.at("volume")))
	s.configure(store.args(nil))
	s.requireBootstrap()
	s.start()
	s.base()
	s.requireDue(false)
	s.fill(3101, 3200)
	s.archiveNow()
	now := s.rows()
	s.end(syscall.SIGINT)
	output, err = s.verify(store, 0)
	require.NoError(t, err, output)
	for _, r := range []struct {
		Restore Restore
		rows    string
	}{
		{Restore{Name: "mended", To: latest}, now},
		{Restore{Name: "early", To: early, From: "postgres-shard-0"}, rows},
	} {
		s.loseVolume()
		s.requireRestore(store, r.Restore)
		s.start()
		require.Equal(t, r.rows, s.rows(), r.Restore.Name)
		s.end(syscall.SIGINT)
	}
}

func (s *shard) fetch(name string) (string, error) {
	output, err := s.command("sh", "-c", fmt.Sprintf("FROM=postgres-shard-0 python3 -I %s fetch %s %s; echo code $?", s.at("backup.py"), name, s.at("x"))).CombinedOutput()
	return string(output), err
}

// What was written while backups were off, or went to another bucket, is in no archive: a base backup is due at once, before any later log is
// archived.
func TestABaseBackupIsDueWhereLogWasNotArchived(t *testing.T) {
	for name, away := range map[string]func(*Args){
		"off":            func(a *Args) { a.Backup = nil },
		"another bucket": func(a *Args) { a.Backup.Bucket = "s3://backups/other" },
	} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			s := written(t, store)
			s.archiveNow()
			s.requireDue(false)
			s.end(syscall.SIGINT)
			s.configure(store.args(nil))
			s.requireBootstrap()
			s.start()
			s.requireDue(false)
			s.end(syscall.SIGINT)

			elsewhere := store.args(nil)
			away(elsewhere)
			s.configure(elsewhere)
			s.requireBootstrap()
			s.start()
			s.fill(2001, 3000)
			first := s.finish()
			s.fill(3001, 3100)
			s.finish()
			s.exec("CHECKPOINT")
			s.end(syscall.SIGINT)

			s.configure(store.args(nil))
			s.requireBootstrap()
			s.start()
			s.requireDue(true)
			s.fill(4001, 5000)
			s.archiveNow()
			require.NotContains(t, strings.Join(store.files("prod/postgres-shard-0/wals"), " "), first)
			s.requireDue(true)
			s.end(syscall.SIGINT)
			output, err := s.verify(store, 0)
			require.Error(t, err, output)
			require.Contains(t, output, "its log has a gap, ")

			s.requireBootstrap()
			s.start()
			s.base()
			s.requireDue(false)
			rows := s.rows()
			s.end(syscall.SIGINT)
			s.loseVolume()
			s.requireRestore(store, Restore{Name: "lost", To: latest})
			s.start()
			require.Equal(t, rows, s.rows())
		})
	}
}

// The order of the log over timelines, of files whose names are enough.
func TestMissingFilesOfTheLogAreFound(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"bucket.py": bucketProgram, "datadir.py": dataDirProgram, "segments.py": segmentsProgram} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	const left = "1\t0/5800000\tno reason"
	for name, tc := range map[string]struct {
		objects, history, first, beside, reaches string
		gap, goesOn                              string
	}{
		"nothing":            {first: "1/3", gap: "None", goesOn: "False"},
		"all":                {objects: "1/3 1/4 1/5", first: "1/3", gap: "None", goesOn: "True"},
		"at the start":       {objects: "1/4 1/5", first: "1/3", gap: "1/3", goesOn: "True"},
		"in the middle":      {objects: "1/3 1/5", first: "1/3", gap: "1/4", goesOn: "True"},
		"beside":             {objects: "1/3 1/5", first: "1/3", beside: "1/4", gap: "None", goesOn: "True"},
		"beside, later":      {objects: "1/3", first: "1/3", beside: "1/6 1/7", gap: "1/4 1/5", goesOn: "True"},
		"written":            {objects: "1/3", first: "1/3", reaches: "1/5", gap: "1/4 1/5", goesOn: "True"},
		"kept for later":     {objects: "1/3", first: "1/3", beside: "1/4 1/7", reaches: "1/4", gap: "None", goesOn: "True"},
		"a part":             {objects: "1/3 1/5.partial 1/6.00000028.backup", first: "1/3", gap: "None", goesOn: "True"},
		"the next timeline":  {objects: "1/3 1/4 2.history 2/5 2/6", history: left, first: "1/3", gap: "None", goesOn: "True"},
		"nothing of it yet":  {objects: "1/3 1/4 2.history", history: left, first: "1/3", gap: "None", goesOn: "True"},
		"before it":          {objects: "1/3 2.history 2/5", history: left, first: "1/3", gap: "1/4", goesOn: "True"},
		"before it, nothing": {objects: "2.history", history: left, first: "1/4", gap: "1/4", goesOn: "True"},
		"its first":          {objects: "1/3 1/4 1/5 1/6 2.history 2/6", history: left, first: "1/3", gap: "2/5", goesOn: "True"},
		"what was left":      {objects: "1/3 1/4 1/5 1/7 2.history 2/5", history: left, first: "1/3", gap: "None", goesOn: "True"},
		"its end":            {objects: "1/3 1/4 1/5 2.history 2/5", history: left, first: "2/6", gap: "None", goesOn: "False"},
		"the old one's end":  {objects: "1/3 1/4 2.history 2/5", history: left, first: "1/5", gap: "None", goesOn: "False"},
		"a history":          {objects: "1/3 1/4 3.history 3/5", history: left + "\n2\t0/5900000\tno reason", first: "1/3", gap: "2.history", goesOn: "True"},
		"histories end":      {objects: "1/3 1/4 3.history 3/5", history: left, first: "4.history", goesOn: "False"},
		"histories go on":    {objects: "1/3 1/4 3.history 3/5", history: left, first: "2.history", goesOn: "True"},
		"over 256 files":     {objects: "1/255 1/257", first: "1/255", gap: "1/256", goesOn: "True"},
	} {
		program := fmt.Sprintf(`import re, sys
sys.path.insert(0, %q)
import bucket, segments
bucket.folder = lambda name: "" if "history" in name else name[:16]
def full(short):
    timeline, _, rest = short.partition("/")
    if not rest: return "%%08X.%%s" %% (int(timeline.split(".")[0]), timeline.split(".")[1])
    place, dot, end = rest.partition(".")
    return segments.named(int(timeline), int(place)) + dot + end
def short(name):
    return "%%d.history" %% int(name[:8], 16) if "history" in name else "%%d/%%d" %% (int(name[:8], 16), segments.number(name))
class Archive:
    def key(self, *parts): return "/".join(part for part in parts if part)
    def objects(self, *parts, after):
        keys = [self.key("wals", bucket.folder(name), name + ".gz") for name in map(full, %q.split())]
        return [{"Key": key, "LastModified": key} for key in sorted(keys) if key > after]
    def parents(self, key):
        return [(int(t), bucket.file_name(t, p)) for t, p in (line.split("\t")[:2] for line in %q.splitlines())]
log = segments.Log(Archive(), full(%q))
if "history" not in log.first:
    gap = log.gap({full(name): 0 for name in %q.split()}, full(%[6]q) if %[6]q else None)
    print(gap and " ".join(map(short, gap.missing)), end="|")
print(log.goes_on({full(name): 0 for name in %[5]q.split()}), end="")
`, dir, tc.objects, tc.history, tc.first, tc.beside, tc.reaches)
		output, err := exec.Command("python3", "-I", "-c", program).CombinedOutput()
		require.NoError(t, err, "%s: %s", name, output)
		want := tc.goesOn
		if tc.gap != "" {
			want = tc.gap + "|" + want
		}
		require.Equal(t, want, string(output), name)
	}
}
