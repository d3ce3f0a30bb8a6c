//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const diskName = "disk"

// diskClaim are the labels of the alerts on the first member's volume.
var diskClaim = map[string]string{"persistentvolumeclaim": "data-postgres-shard-0-0"}

// disk is a shard on a volume that is full when its size is written, under load.
type disk struct{ *failover }

// TestDisk deploys a stack of its own with a shard on a disk of 1 GiB, and goes through PARTS:
//
//	fills  it fills up, until the alert holds; it grows while users write, and the alert is over
//	full   it is full to the last byte, so that the server cannot run; it grows, and the shard comes back
//
// With MEMBERS each has a disk of its own, with the same on it.
func TestDisk(t *testing.T) {
	if os.Getenv("DRILL") != diskName {
		t.Skip("takes minutes: make drill-disk")
	}
	s := failoverStack{newOwnStack(t, diskName, "failoverstack.yaml")}
	s.set(map[string]string{"scalestack:namespace": diskName, "scalestack:postgres.storage.class": "disk"})
	members = int(number(t, "MEMBERS", 1))
	s.up(members)
	d := disk{newFailover(t, s, 200)}
	require.NoError(t, d.pulse.writeOne(), "the first row")
	execute(t, d.namespace, 0, "CREATE TABLE filler (n int, text text STORAGE EXTERNAL)")
	for _, part := range strings.Fields(os.Getenv("PARTS")) {
		do := map[string]func(){"fills": d.fills, "full": d.full}[part]
		require.NotNil(t, do, "PARTS: %s", part)
		do()
	}
}

func (d disk) fills() {
	awaitAlert(d.t, time.Minute, false, d.namespace, "VolumeFillsUp", diskClaim)
	d.underLoad("fills up and grows", func() {
		for range 11 {
			require.NoError(d.t, d.fill(50))
		}
		awaitAlert(d.t, 5*time.Minute, true, d.namespace, "VolumeFillsUp", diskClaim)
		d.grow("3Gi")
		awaitAlert(d.t, 5*time.Minute, false, d.namespace, "VolumeFillsUp", diskClaim)
	})
}

func (d disk) full() {
	shard := map[string]string{"shard": "shard-0"}
	stop := d.pulse.start()
	defer stop()
	began, filled := time.Now(), 0
	var err error
	for err = d.fill(20); err == nil; err = d.fill(20) {
		filled += 20
	}
	d.t.Logf("full after another %d MiB in %.0f s: %v", filled, time.Since(began).Seconds(), err)
	awaitAlert(d.t, 3*time.Minute, true, d.namespace, "VolumeFull", diskClaim)
	// Writes of rows fail and the server goes on, until it needs another file for its log. Of several members the last one
	// that can has the lock then, and no standby.
	require.Error(d.t, d.statement("SELECT pg_logical_emit_message(false, 'drill', repeat('x', 1048576)) FROM generate_series(1, 500)"))
	down := map[bool]string{false: "ShardDown", true: "StandbyMissing"}[members > 1]
	awaitAlert(d.t, 3*time.Minute, true, d.namespace, down, shard)
	d.grow("6Gi")
	eventually(d.t, 2*time.Minute, "users write again", d.pulse.writeOne)
	stop()
	d.requireStored("full")
	awaitAlert(d.t, 3*time.Minute, false, d.namespace, down, shard)
	awaitAlert(d.t, 3*time.Minute, false, d.namespace, "VolumeFull", diskClaim)
}

// fill writes so many MiB of rows.
func (d disk) fill(mebibytes int) error {
	return d.statement("INSERT INTO filler SELECT n, repeat(md5(random()::text), 32768) FROM generate_series(1, $1) AS n", mebibytes)
}

func (d disk) statement(sql string, args ...any) error {
	ctx := d.t.Context()
	conn, err := pgx.ConnectConfig(ctx, databaseConfig(d.t, d.namespace, 0))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql, args...)
	return err
}

// grow gives the disk another size.
func (d disk) grow(size string) {
	d.t.Helper()
	began := time.Now()
	d.stack.set(map[string]string{"scalestack:postgres.storage.size": size})
	d.stack.deploy()
	d.t.Logf("grown to %s in %s, at most %s without an acknowledged write: %s", size, time.Since(began).Round(time.Second), d.pulse.pauseAfter(began).Round(100*time.Millisecond),
		strings.TrimSpace(kubectl(d.t, "exec", "-n", d.namespace, "postgres-shard-0-0", "-c", "postgres", "--", "df", "-h", "/var/lib/postgresql/data")))
}
