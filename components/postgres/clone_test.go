package postgres

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A second cluster begins with the first one's rows of a moment, archives to its own
// archive, and leaves the first one's as it was.
func TestACloneBeginsWithAnotherClustersArchive(t *testing.T) {
	store := newStore(t)
	source, early, earlyRows := archived(t, store)
	// The source was restored and went on in an archive of its own.
	source.requireRestore(store, Restore{Name: "friday", To: early})
	source.start()
	source.fill(3001, 3500)
	source.base()
	source.fill(3501, 4000)
	late, lateRows := source.moment(), source.rows()
	source.fill(4001, 4100)
	source.archiveNow()
	source.end(syscall.SIGINT)
	before := contents(t, store, "prod")

	for name, tc := range map[string]struct{ moment, rows string }{"early": {early, earlyRows}, "late": {late, lateRows}} {
		clone := store.backed(t)
		args := store.args(&Restore{Name: name, Shards: []int{0}, To: tc.moment, FromCluster: "postgres"})
		args.Backup.Archive = "clone-" + name
		clone.configure(args)
		clone.requireBootstrap()
		clone.start()
		require.Equal(t, tc.rows, clone.rows(), name)
		require.Equal(t, "app", clone.query(AppRole, appPassword, "SELECT current_user::text"), "its own passwords")
		clone.base()
		clone.archiveNow()
		clone.end(syscall.SIGINT)
		require.NotEmpty(t, store.files("prod/clone-"+name+"-shard-0-"+name+"/wals"))
		for file, content := range before {
			require.Equal(t, content, contents(t, store, "prod")[file], "%s of the source has changed", file)
		}
		require.Equal(t, len(contents(t, store, "prod/postgres-shard-0"))+len(contents(t, store, "prod/postgres-shard-0-friday")), len(before), "nothing was added to the source's")
	}
}
