package postgres

import (
	_ "embed"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// Restore takes shards back to a point in time, from their archive. Each is restored
// once, at its next start, and then archives to a new archive
// "<archive>-shard-2-<name>". Its previous data stays beside it in the folder
// "pgdata.before-<name>" of the volume.
//
// A shard that cannot be restored does not start, so that nothing is written to data
// that is about to be set aside. Its data is unchanged, and it starts with that data
// when the setting is removed. Of several members only the first stays down until the
// restore has begun, see members.py.
type Restore struct {
	// Name of this restore. No earlier restore of these shards may have had it, because it
	// tells a shard whether this restore was made. The setting can stay after the restore;
	// removing it restarts the shards once more.
	Name string `json:"name" pulumi:"name" required:"true" format:"label"`
	// Shards to restore, by id. The others are not touched.
	Shards []int `json:"shards" pulumi:"shards" required:"true" min:"0" max:"9999"`
	// To is the point in time, for example "2026-11-29T01:02:03Z": commits up to it are
	// restored. "latest" restores everything that was archived, for a volume that was lost.
	To string `json:"to" pulumi:"to" required:"true"`
	// From is the archive to read. Default: the one that the shard writes to or, for a
	// volume that was lost, the shard's only one.
	From string `json:"from" pulumi:"from,optional"`
	// FromCluster makes the shards a clone of another stack's. Each is restored from the
	// archives of the shard with the same id there, which are only read, and then archives
	// to its own. The value is the name of that stack's shard map, with which its archives
	// begin, for example "scalestack-1c9e02ab". Shards must list all shards of this stack:
	// as many as that stack had at that time, with the same buckets and initialShards.
	FromCluster string `json:"fromCluster" pulumi:"fromCluster,optional" format:"label"`
}

const latest = "latest"

//go:embed restore.py
var restoreProgram string

//go:embed replay.py
var replayProgram string

//go:embed restore.sh
var restoreScript string

// restores reports whether the shard is one of those to restore.
func (p plan) restores() bool { return p.Restore != nil && slices.Contains(p.Restore.Shards, p.id) }

// addRestore adds the request to the files that a server is restarted for.
func addRestore(p plan, files map[string]string) map[string]string {
	if p.restores() {
		files["restore.json"] = document(p.restoreAsked())
	}
	return files
}

func (p plan) restoreAsked() object {
	r := p.Restore
	ask := object{"name": r.Name, "to": r.To, "from": r.From}
	if r.FromCluster != "" {
		ask["from"], ask["clone"] = shardArchive(r.FromCluster, p.id), true
	}
	return ask
}

// restoreRevision is for Jobs that have to run again after a restore: what they made on
// the shard is gone.
func (a *Args) restoreRevision() string {
	if a.Restore == nil {
		return ""
	}
	return "restore " + a.Restore.Name + "\n"
}

func (a *Args) checkRestore(path *field.Path) field.ErrorList {
	r := a.Restore
	if r == nil {
		return nil
	}
	var errs field.ErrorList
	if a.Backup == nil {
		errs = append(errs, field.Required(path.Child("backup"), "with restore: it says where the archive is"))
	}
	path = path.Child("restore")
	for i, id := range r.Shards {
		switch {
		case slices.Contains(r.Shards[:i], id):
			errs = append(errs, field.Duplicate(path.Child("shards").Index(i), id))
		case len(a.Shards) > 0 && !slices.Contains(a.Shards, id):
			errs = append(errs, field.Invalid(path.Child("shards").Index(i), id, "must be one of the shards"))
		}
	}
	if r.From != "" && len(r.Shards) > 1 {
		errs = append(errs, field.Invalid(path.Child("from"), settings.Short(r.From), "must be left out with several shards: each has an archive of its own"))
	}
	errs = append(errs, a.checkClone(path.Child("fromCluster"))...)
	return append(errs, checkTime(path.Child("to"), r.To)...)
}

func (a *Args) checkClone(path *field.Path) field.ErrorList {
	r := a.Restore
	if r.FromCluster == "" {
		return nil
	}
	var errs field.ErrorList
	if r.From != "" {
		errs = append(errs, field.Forbidden(path, "with from: it names the archives of all shards"))
	}
	if a.Backup != nil && r.FromCluster == a.Backup.Archive {
		errs = append(errs, field.Invalid(path, r.FromCluster, "must be another stack's: leave it out to restore this one's shards"))
	}
	for _, id := range a.Shards {
		if !slices.Contains(r.Shards, id) {
			errs = append(errs, field.Invalid(path, r.FromCluster, fmt.Sprintf("needs all shards in shards: %d is missing", id)))
		}
	}
	return errs
}

// now is another in a test of a moment that is to come.
var now = time.Now

func checkTime(path *field.Path, value string) field.ErrorList {
	if value == latest || value == "" {
		return nil
	}
	to, err := time.Parse(time.RFC3339Nano, value)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, settings.Short(value), "must be latest, or a moment with its zone such as 2026-11-29T01:02:03Z")}
	case to.After(now()):
		return field.ErrorList{field.Invalid(path, value, "must not be in the future")}
	}
	return nil
}
