package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// leftByCrashes are contents of a small file that no program has written.
var leftByCrashes = []string{"", "\x00\x00\x00\x00", "{\"wor", "[1]", "\xff"}

// What a crash of the node has left of the note is no reason not to archive.
func TestABrokenNoteStopsNoArchiving(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	s.start()
	note := s.at("volume/pgdata/scalestack.archiving")
	for _, broken := range leftByCrashes {
		s.archiveNow()
		require.Contains(t, mountedText(t, s, "volume/pgdata/scalestack.archiving"), `"worked": "`)
		require.NoError(t, os.WriteFile(note, []byte(broken), 0o600))
		output, err := archiving(store.args(nil), archiveBefore, s)
		require.NoError(t, err, output)
		require.NotContains(t, output, "not asked", "%q", broken)
	}
	requireArchiving(t, "all shards archive", store.args(nil), archiveAfter, s)

	// Nor is one that cannot be written.
	require.NoError(t, os.Remove(note))
	require.NoError(t, os.Mkdir(note, 0o755))
	s.archiveNow()
}

// What is read from the volume and from the bucket is an answer, whatever it is.
func TestBrokenRecordsAreNoErrors(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"bucket.py": bucketProgram, "datadir.py": dataDirProgram, "restore.py": restoreProgram, "replay.py": replayProgram, "segments.py": segmentsProgram} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	data := filepath.Join(dir, "pgdata")
	require.NoError(t, os.Mkdir(data, 0o700))
	for _, broken := range leftByCrashes {
		require.NoError(t, os.WriteFile(filepath.Join(data, "scalestack.restores.json"), []byte(broken), 0o600))
		require.NoError(t, os.WriteFile(data+".restore-friday.attempt", nil, 0o600))
		program := fmt.Sprintf(`import sys; sys.path.insert(0, %q); import bucket, datadir, restore
class Archive(bucket.Archive):
  def __init__(self): self.place = "s3://backups/one"
  def key(self, *parts): return parts[-1]
  def read(self, key): return %q.encode("latin-1")
print(datadir.asked(%q), bucket.verified(Archive()), end=" ")
try: Archive().owner()
except bucket.Refused as reason: print(reason, end=" ")
asked = restore.Restore({}, {"name": "friday", "to": "latest"}, %q)
print(len(asked.number()), asked.number() == asked.number())`, dir, broken, data, data)
		output, err := exec.Command("python3", "-I", "-c", program).CombinedOutput()
		require.NoError(t, err, "%q: %s", broken, output)
		require.Equal(t, "{} 0 s3://backups/one/owner.json does not say whose the archive is: give it its earlier content back, "+
			"or choose another postgres.backup.bucket 32 True\n", string(output), "%q", broken)
	}
}
