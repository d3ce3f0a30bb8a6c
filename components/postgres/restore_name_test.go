package postgres

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A name is restored once: with a corrected moment it is refused, and not left undone
// without a word.
func TestARestoreOfTheSameNameWithOtherValuesIsRefused(t *testing.T) {
	store := newStore(t)
	s, moment, rows := archived(t, store)
	s.requireRestore(store, Restore{Name: "friday", To: moment})
	require.NoFileExists(t, s.at("volume/pgdata/scalestack.archiving"), "the new archive has nothing yet")

	// The setting may stay, and the same moment in another notation is the same.
	at, err := time.Parse(time.RFC3339Nano, moment)
	require.NoError(t, err)
	there := at.In(time.FixedZone("", 2*3600)).Format("2006-01-02T15:04:05.000000Z07:00")
	require.NotEqual(t, moment, there)
	for _, same := range []Restore{{To: moment}, {To: there}, {To: moment, From: "postgres-shard-0"}} {
		same.Name = "friday"
		s.requireRestore(store, same)
	}

	earlier := at.Add(-time.Hour).Format(time.RFC3339Nano)
	for want, other := range map[string]Restore{
		"postgres.restore.to: restore friday was made with ":                                                     {To: earlier},
		"postgres.restore.from: restore friday was made with nothing, and is asked for with other":               {To: moment, From: "other"},
		"postgres.restore.fromCluster: restore friday was made with nothing, and is asked for with shop-shard-0": {To: moment, FromCluster: "shop"},
	} {
		other.Name = "friday"
		output, err := s.restore(store, other)
		require.Error(t, err, output)
		require.Contains(t, output, want)
		require.Contains(t, output, "choose another postgres.restore.name")
	}

	// Taken back, the shard starts. The Job before a deployment says so while it runs.
	s.requireRestore(store, Restore{Name: "friday", To: moment})
	s.start()
	output, err := archiving(store.args(&Restore{Name: "friday", To: earlier, Shards: []int{0}}), archiveBefore, s)
	require.Error(t, err, output)
	require.Contains(t, output, "shard-0: postgres.restore.to: restore friday was made with ")
	requireArchiving(t, "takes, gives back", store.args(&Restore{Name: "friday", To: there, Shards: []int{0}}), archiveBefore, s)
	s.end(syscall.SIGINT)

	// Under another name the other moment is restored.
	s.requireRestore(store, Restore{Name: "saturday", To: moment, From: "postgres-shard-0"})
	s.start()
	require.Equal(t, rows, s.rows())

	// What a restore of the release before was asked for is not known.
	s.end(syscall.SIGINT)
	s.must("rm", s.at("volume/pgdata/scalestack.restores.json"))
	s.requireRestore(store, Restore{Name: "friday", To: earlier})
}

// must runs a command that has to succeed.
func (s *shard) must(name string, args ...string) {
	s.t.Helper()
	output, err := s.command(name, args...).CombinedOutput()
	require.NoError(s.t, err, string(output))
}

// A first member that has lost its volume knows from the shard's record what was made.
const otherRequest = `
import json, os, sys
sys.path.insert(0, sys.argv[1])
import members
asked = {"to": "2026-11-29T10:00:00+00:00", "from": "", "clone": False, "source": "postgres-shard-0"}
record = {"name": "friday", "state": "made", "size": 0}
for known in (asked, None):
    for to in ("2026-11-29T12:00:00+02:00", "2026-11-29T09:30:00Z"):
        member = members.Member("s", "/nowhere", {members.RECORD: json.dumps(record | {"asked": known})})
        try:
            member.check_same({"name": "friday", "to": to, "from": ""})
            print("as before")
        except members.Failed as reason:
            print(reason)
`

func TestTheRecordOfMembersTellsWhatARestoreWasAskedFor(t *testing.T) {
	output, err := exec.Command("python3", "-I", "-B", "-c", otherRequest, ".").CombinedOutput()
	require.NoError(t, err, string(output))
	require.Equal(t, "as before\n"+
		"postgres.restore.to: restore friday was made with 2026-11-29T10:00:00+00:00, and is asked for with 2026-11-29T09:30:00+00:00. "+
		"A name is restored once: choose another postgres.restore.name, or take the old value back\nas before\nas before\n", string(output))
}
