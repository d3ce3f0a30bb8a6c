package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// That a shard archived before its backups were off says nothing of it now.
func TestBackupsThatWereOffAreProvedAnew(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	s.start()
	requireArchiving(t, "all shards archive", store.args(nil), archiveAfter, s)
	s.end(syscall.SIGINT)

	without := store.args(nil)
	without.Backup = nil
	s.configure(without)
	require.NoError(t, os.Remove(s.at("backup.json")))
	s.requireBootstrap()

	s.configure(store.args(nil))
	s.requireBootstrap()
	s.env = append(s.env, "AWS_MAX_ATTEMPTS=1")
	store.stop()
	s.start()
	output, err := archiving(store.args(nil), archiveAfter, s)
	require.Error(t, err, output)
	require.Contains(t, output, "shard-0: it cannot archive 0000000100000000000000")
	output, err = archiving(store.args(nil), archiveBefore, s)
	require.Error(t, err, output)
	require.Contains(t, output, "Could not connect")

	store.start()
	requireArchiving(t, "all shards archive", store.args(nil), archiveAfter, s)
	store.stop()
	requireArchiving(t, "all shards archive", store.args(nil), archiveAfter, s)
	s.end(syscall.SIGINT)
	s.requireBootstrap()
	s.start()
	requireArchiving(t, "archive with these settings already", store.args(nil), archiveBefore, s)
	requireArchiving(t, "all shards archive", store.args(nil), archiveAfter, s)
}

// Of several members the one that archived last knows with which settings.
func TestTheNewestNoteOfAShardCounts(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"bucket.py": bucketProgram, "datadir.py": dataDirProgram, "archiving.py": archivingProgram} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	failed := `, "failed": {"revision": "new", "file": "1", "why": "away"}`
	for name, one := range map[string]struct{ notes, want string }{
		"no member has archived":                {`None, None`, "None"},
		"of before the time was noted":          {`'{"worked": "new"}', None`, "new"},
		"a standby was copied before":           {`'{"worked": "old", "at": 2}', '{"worked": "new", "at": 1}'`, "old"},
		"the primary was copied before":         {`'{"worked": "old", "at": 1` + failed + `}', '{"worked": "new", "at": 2}'`, "new"},
		"a new primary that never archived":     {`'{` + failed[2:] + `}', '{"worked": "new", "at": 2}'`, "new"},
		"the bucket is away":                    {`'{"worked": "new", "at": 2` + failed + `}', '{"worked": "new", "at": 2}'`, "new"},
		"other settings have failed in between": {`'{"worked": "old", "at": 2` + failed + `}', '{"worked": "old", "at": 2}'`, "None"},
		"it cannot be read":                     {`'{"wor'`, "None"},
	} {
		program := fmt.Sprintf(`import sys; sys.path.insert(0, %q); import archiving, base64
notes = [%s]
print(archiving.worked([("a", {"archiving": note and base64.b64encode(note.encode())}) for note in notes]), end="")`, dir, one.notes)
		output, err := exec.Command("python3", "-I", "-c", program).CombinedOutput()
		require.NoError(t, err, string(output))
		require.Equal(t, one.want, string(output), name)
	}
}
