//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/load"
)

const backupName = "backup"

// backups is a shard that archives to the lab's S3 server, under load.
type backups struct {
	*proof
	stack ownStack
	pulse *pulse
	// pods are the shard's.
	pods []string
}

// TestBackupAndRestore deploys a stack of its own, and gets a dropped table and lost volumes back, row by row. PARTS:
//
//	single   a shard with one member
//	members  a shard with three
//	alert    beside one of these: the bucket is away until alert ArchiveStandsStill holds, a quarter of an hour, and
//	         the last verification is long ago until BackupNotVerified does
//	shards   alone: see TestRestoreOfSeveralShards
func TestBackupAndRestore(t *testing.T) {
	parts := strings.Fields(os.Getenv("PARTS"))
	if os.Getenv("DRILL") != backupName || slices.Contains(parts, "shards") {
		t.Skip("takes minutes: make drill-backup")
	}
	for _, part := range parts {
		require.Contains(t, []string{"single", "members", "alert"}, part, "PARTS")
	}
	settings, pods := map[string]string{}, []string{"postgres-shard-0-0"}
	if slices.Contains(parts, "members") {
		settings["postgres.members"] = fmt.Sprint(members)
		pods = append(pods, "postgres-shard-0-m1-0", "postgres-shard-0-m2-0")
	}
	b := newBackups(t, settings)
	b.pods = pods
	b.underLoad("base backup", b.baseBackup)
	b.verified()
	b.refusesABrokenBucket()
	if slices.Contains(parts, "alert") {
		b.archiveStandsStill()
		b.notVerified()
	}
	b.droppedTable()
	b.lostVolumes()
}

// newBackups deploys a stack with backups.
func newBackups(t *testing.T, settings map[string]string) *backups {
	t.Helper()
	emptyArchive(t)
	t.Cleanup(func() { emptyArchive(t) })
	b := &backups{stack: newBackupStack(t, backupName, settings)}
	began := time.Now()
	b.stack.deploy()
	t.Logf("deployed in %s", time.Since(began).Round(time.Second))
	b.proof = newProof(t, 200)
	b.pulse = newPulse(t, b.target().Base)
	return b
}

// newBackupStack has the credentials of the lab's bucket.
func newBackupStack(t *testing.T, name string, settings map[string]string) ownStack {
	t.Helper()
	s := newOwnStack(t, name, backupName+"stack.yaml")
	for key, value := range map[string]string{"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "scalestack-lab"} {
		s.pulumi("config", "set", "--secret", "--path", "scalestack:secrets.bucket."+key, value)
	}
	for path, value := range settings {
		s.set(map[string]string{"scalestack:" + path: value})
	}
	return s
}

// archiveStandsStill takes the bucket away under load. Users notice nothing, and its alert comes and goes.
func (b *backups) archiveStandsStill() {
	b.t.Helper()
	const alert = "ArchiveStandsStill"
	shard := map[string]string{"shard": "shard-0"}
	awaitAlert(b.t, time.Minute, false, b.namespace, alert, shard)
	bucket := filepath.Join(repo, ".lab/data/s3/backups")
	back := func() error { return os.Rename(bucket+".away", bucket) }
	b.t.Cleanup(func() { _ = back() })
	require.NoError(b.t, os.Rename(bucket, bucket+".away"))
	conn := database(b.t, b.namespace, 0)
	b.underLoad("while the bucket is away", func() {
		b.within(2*time.Minute, "archiving fails", func() error {
			var last time.Duration
			err := conn.QueryRow(b.t.Context(), "SELECT coalesce(clock_timestamp() - last_failed_time, '1 day') FROM pg_stat_archiver").Scan(&last)
			if err == nil && last > time.Minute {
				err = fmt.Errorf("the last failure is %s old", last)
			}
			return err
		})
	})
	awaitAlert(b.t, 25*time.Minute, true, b.namespace, alert, shard)
	require.NoError(b.t, back())
	awaitAlert(b.t, 5*time.Minute, false, b.namespace, alert, shard)
}

// emptyArchive removes what a run leaves in the lab's bucket: a new shard of the same name would refuse to start.
func emptyArchive(t *testing.T) {
	require.NoError(t, os.RemoveAll(filepath.Join(repo, ".lab/data/s3/backups/drill")))
}

// baseBackup makes one while users write.
func (b *backups) baseBackup() {
	b.firstBaseBackup(0)
	began := time.Now()
	b.program("base")
	b.t.Logf("a base backup under load: %.1f s\n%s", time.Since(began).Seconds(), b.program("list"))
}

// refusesABrokenBucket deploys settings with which nothing could be archived, under load. No shard is told of them, and
// the settings of before can be put back.
func (b *backups) refusesABrokenBucket() {
	b.t.Helper()
	pods := func() string {
		return kubectl(b.t, append([]string{"get", "pods", "-n", b.namespace, "-o", "custom-columns=NAME:.metadata.name,UID:.metadata.uid"}, b.pods...)...)
	}
	told := func() string {
		return kubectl(b.t, "exec", "-n", b.namespace, b.pods[0], "-c", "postgres", "--", "cat", "/etc/postgresql/backup.json")
	}
	b.underLoad("broken buckets", func() {
		running, before := pods(), told()
		for path, one := range map[string]struct{ right, wrong string }{
			"bucket":   {"s3://backups/drill", "s3://nowhere/drill"},
			"endpoint": {"http://10.244.0.1:17070", "http://10.244.0.1:17071"},
		} {
			b.stack.set(map[string]string{"scalestack:postgres.backup." + path: one.wrong})
			said, err := try(b.t, "pulumi", "up", "--yes", "--skip-preview", "--stack", b.stack.name, "--non-interactive", "--config-file", b.stack.config)
			require.Error(b.t, err, said)
			require.Contains(b.t, said, "postgres.backup."+path+": ")
			require.Equal(b.t, running, pods())
			require.JSONEq(b.t, before, told())
			b.stack.set(map[string]string{"scalestack:postgres.backup." + path: one.right})
		}
		b.stack.deploy()
		require.Equal(b.t, running, pods())
	})
}

// verified runs the CronJob that restores a shard and reads it, before its hour.
func (b *backups) verified() {
	b.t.Helper()
	kubectl(b.t, "create", "job", "-n", b.namespace, "--from=cronjob/postgres-verify", "verify-now")
	text, err := try(b.t, "kubectl", "wait", "-n", b.namespace, "--for=condition=complete", "job/verify-now", "--timeout=180s")
	log := kubectl(b.t, "logs", "-n", b.namespace, "job/verify-now", "--tail=3")
	require.NoError(b.t, err, text+log)
	require.Contains(b.t, log, "verify: shard-0: base backup ")
	b.t.Log(log)
	kubectl(b.t, "delete", "job", "-n", b.namespace, "verify-now", "--wait=true")
}

// notVerified lets the last verification be three days ago, and verifies anew when the alert holds.
func (b *backups) notVerified() {
	b.t.Helper()
	const alert = "BackupNotVerified"
	shard := map[string]string{"shard": "shard-0"}
	awaitAlert(b.t, time.Minute, false, b.namespace, alert, shard)
	records, err := filepath.Glob(filepath.Join(repo, ".lab/data/s3/backups/drill/*/verified.json"))
	require.NoError(b.t, err)
	require.Len(b.t, records, 1)
	record := map[string]any{}
	text, err := os.ReadFile(records[0])
	require.NoError(b.t, err)
	require.NoError(b.t, json.Unmarshal(text, &record))
	record["at"] = record["at"].(float64) - (72 * time.Hour).Seconds()
	text, err = json.Marshal(record)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(records[0], text, 0o600))
	awaitAlert(b.t, 10*time.Minute, true, b.namespace, alert, shard)
	b.verified()
	awaitAlert(b.t, 10*time.Minute, false, b.namespace, alert, shard)
}

func (b *backups) firstBaseBackup(shard int) {
	b.t.Helper()
	b.within(3*time.Minute, "the first base backup is made by itself", func() error {
		if list := b.programOf(shard, "list"); strings.Count(list, "MiB") == 0 {
			return fmt.Errorf("%s", list)
		}
		return nil
	})
}

// droppedTable restores the shard to the moment before a table was dropped.
func (b *backups) droppedTable() {
	moment, before := b.moment(), b.content()
	require.NoError(b.t, b.pulse.writeOne(), "a row that the restore takes away")
	lost := b.pulse.acknowledged()
	_, err := database(b.t, b.namespace, 0).Exec(b.t.Context(), "DROP TABLE users CASCADE")
	require.NoError(b.t, err)
	require.Error(b.t, b.pulse.writeOne(), "nobody can write without the table")
	after := b.restore(map[string]string{"name": "dropped", "to": moment})
	b.requireSame(before, after)
	require.NotContains(b.t, after, lost[len(lost)-1])
	b.t.Logf("before the drop and after the restore: %d users, the same row by row", len(before))
	b.underLoad("after the restore", func() { time.Sleep(5 * time.Second) })
	for _, pod := range b.pods {
		b.t.Log(pod, kubectl(b.t, "exec", "-n", b.namespace, pod, "-c", "postgres", "--", "ls", "-d", "/var/lib/postgresql/data/pgdata.before-dropped"))
	}
}

// archived waits until all that a shard has written is in its archive.
func (b *backups) archived(shard int) {
	b.t.Helper()
	conn := database(b.t, b.namespace, shard)
	var file string
	require.NoError(b.t, conn.QueryRow(b.t.Context(), "SELECT pg_walfile_name(pg_switch_wal())").Scan(&file))
	b.within(time.Minute, "the log is archived", func() error {
		var archived string
		err := conn.QueryRow(b.t.Context(), "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver").Scan(&archived)
		if err == nil && archived < file {
			err = fmt.Errorf("%s is archived, not %s", archived, file)
		}
		return err
	})
}

// lostVolumes deletes the claims with the shard's data and restores empty ones.
func (b *backups) lostVolumes() {
	before := b.content()
	b.archived(0)
	archive, _, _ := strings.Cut(strings.TrimPrefix(b.program("list"), "s3://backups/drill/"), " ")
	for _, pod := range b.pods {
		kubectl(b.t, "delete", "pvc", "data-"+pod, "-n", b.namespace, "--wait=false")
	}
	for _, pod := range b.pods {
		kubectl(b.t, "delete", "pod", pod, "-n", b.namespace, "--grace-period=0", "--force")
	}
	b.within(time.Minute, "the claims are gone", func() error {
		for _, pod := range b.pods {
			if text, err := try(b.t, "kubectl", "get", "pvc", "data-"+pod, "-n", b.namespace); err == nil {
				return fmt.Errorf("%s", text)
			}
		}
		return nil
	})
	b.stack.pulumi("refresh", "--yes", "--skip-preview", "--run-program")
	after := b.restore(map[string]string{"name": "lost", "to": "latest", "from": archive})
	b.requireSame(before, after)
	b.t.Logf("before the loss and after the restore: %d users, the same row by row", len(before))
}

// restore deploys a restore and waits until users can write again. It returns the users but the one that this takes.
func (b *backups) restore(settings map[string]string) map[int64]string {
	b.t.Helper()
	began := time.Now()
	for name, value := range settings {
		b.stack.pulumi("config", "set", "--path", "scalestack:postgres.restore."+name, value)
	}
	b.stack.pulumi("config", "set", "--path", "scalestack:postgres.restore.shards[0]", "0")
	b.stack.deploy()
	up := time.Since(began)
	b.pulse.base = b.target().Base
	b.within(time.Minute, "users write again", b.pulse.writeOne)
	b.t.Logf("restore %s to %s: pulumi up %.1f s, a write after %.1f s", settings["name"], settings["to"], up.Seconds(), time.Since(began).Seconds())
	written := b.pulse.acknowledged()
	after := b.content()
	delete(after, written[len(written)-1])
	return after
}

// underLoad lets users write, and then compares all that was acknowledged with what is there.
func (b *backups) underLoad(what string, do func()) {
	b.start(load.Options{Rate: 40, Clients: 6, Writes: 0.8, Patience: patience})
	stop := b.pulse.start()
	defer stop()
	time.Sleep(5 * time.Second)
	do()
	stop()
	report := b.compare()
	assert.Zero(b.t, report.Failed, what)
}

// program runs a command of the first shard's container backup.
func (b *backups) program(command string) string {
	b.t.Helper()
	return b.programOf(0, command)
}

func (b *backups) programOf(shard int, command string) string {
	b.t.Helper()
	return kubectl(b.t, "exec", "-n", b.namespace, fmt.Sprintf("postgres-shard-%d-0", shard), "-c", "backup", "--", "python3", "-I", "/etc/postgresql/backup.py", command)
}

func (b *backups) within(limit time.Duration, what string, check func() error) {
	b.t.Helper()
	began := time.Now()
	eventually(b.t, limit, what, check)
	b.t.Logf("%s: %.1f s", what, time.Since(began).Seconds())
}

// moment is the server's clock, between what was committed and what will be.
func (b *backups) moment() (moment string) {
	b.t.Helper()
	time.Sleep(100 * time.Millisecond)
	require.NoError(b.t, database(b.t, b.namespace, 0).QueryRow(b.t.Context(),
		`SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`).Scan(&moment))
	time.Sleep(100 * time.Millisecond)
	return moment
}

// content is each user's row on the first shard, as text.
func (b *backups) content() map[int64]string {
	b.t.Helper()
	return b.contentOf(0)
}

func (b *backups) contentOf(shard int) map[int64]string {
	b.t.Helper()
	rows, err := database(b.t, b.namespace, shard).Query(b.t.Context(), "SELECT user_id, users::text FROM users")
	require.NoError(b.t, err)
	all := map[int64]string{}
	var id int64
	var row string
	_, err = pgx.ForEachRow(rows, []any{&id, &row}, func() error {
		all[id] = row
		return nil
	})
	require.NoError(b.t, err)
	return all
}

// requireSame names the users that differ, and not thousands of rows.
func (b *backups) requireSame(before, after map[int64]string) {
	b.t.Helper()
	var different []int64
	for id, row := range before {
		if after[id] != row {
			different = append(different, id)
		}
	}
	for id := range after {
		if _, known := before[id]; !known {
			different = append(different, id)
		}
	}
	slices.Sort(different)
	require.Empty(b.t, different, "%d users before, %d after", len(before), len(after))
}
