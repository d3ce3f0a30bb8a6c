//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a shard runs before and after a minor upgrade.
const (
	olderMinor = "16.2"
	laterMinor = "16.15"
)

// minorImage is what the lab builds of that version: with Patroni where the shard has several members.
func minorImage(version string) string {
	if members > 1 {
		return strings.Replace(patroniImage, olderMinor, version, 1)
	}
	return "postgres:" + version
}

// minor takes the shards to a later minor version and back, while users write. Members change one after the other, a
// single server is away for its restart. There it goes as docs/minor-upgrade.md says, back without any preparation.
func (f *failover) minor() {
	f.settle()
	for _, pod := range f.servers() {
		require.Equal(f.t, olderMinor, f.ask(pod, "SHOW server_version"), pod)
	}
	f.underLoad("minor", func() {
		f.primaryLast()
		f.minorTo(laterMinor)
		f.minorTo(olderMinor)
	})
}

// primaryLast makes each shard's last member the primary: members change in the order of their numbers, so that every
// standby has the later version before the primary's turn.
func (f *failover) primaryLast() {
	f.t.Helper()
	if members == 1 {
		return
	}
	for _, shard := range f.shards.Shards {
		primary, last := f.primaryOf(shard.ID), fmt.Sprintf("postgres-shard-%d-m%d-0", shard.ID, members-1)
		if primary != last {
			kubectl(f.t, "exec", "-n", f.namespace, primary, "-c", "postgres", "--", "patronictl", "switchover", "--candidate", last, "--force")
		}
	}
	f.settle()
}

// minorTo deploys a version. What a server would complain about after it fails the drill, but does not end it.
func (f *failover) minorTo(version string) {
	f.t.Helper()
	began, before := time.Now(), f.timeline()
	f.stack.set(map[string]string{"scalestack:postgres.image": minorImage(version)})
	f.stack.deploy()
	took := time.Since(began)
	f.settle()
	for _, pod := range f.servers() {
		f.requireMinor(pod, version)
	}
	time.Sleep(3 * time.Second)
	pause := f.pulse.pauseAfter(began)
	f.t.Logf("to %s with %d members: pulumi up %s, %d switchovers, %.1f s without an acknowledged write",
		version, members, took.Round(time.Second), f.timeline()-before, pause.Seconds())
	assert.LessOrEqual(f.t, pause, 15*time.Second, version)
}

// requireMinor asks a server what it is, and whether a collation or an extension is of another version than its image's.
func (f *failover) requireMinor(pod, version string) {
	f.t.Helper()
	require.Equal(f.t, version, f.ask(pod, "SHOW server_version"), pod)
	image := kubectl(f.t, "get", "pod", pod, "-n", f.namespace, "-o", `jsonpath={.spec.containers[?(@.name=="postgres")].image}`)
	require.Equal(f.t, minorImage(version), image, pod)
	for what, question := range map[string]string{
		"databases":  "SELECT count(*)::text FROM pg_database WHERE datcollversion <> pg_database_collation_actual_version(oid)",
		"collations": "SELECT count(*)::text FROM pg_collation WHERE collversion <> pg_collation_actual_version(oid)",
		"extensions": "SELECT count(*)::text FROM pg_available_extensions WHERE installed_version <> default_version",
	} {
		assert.Equal(f.t, "0", f.ask(pod, question), "%s: %s", pod, what)
	}
}

// servers are the pods of all shards. Without Patroni nothing has given them a role.
func (f *failover) servers() []string {
	f.t.Helper()
	if members > 1 {
		return f.pods()
	}
	var pods []string
	for _, shard := range f.shards.Shards {
		pods = append(pods, fmt.Sprintf("postgres-shard-%d-0", shard.ID))
	}
	return pods
}

// ask asks one server one thing. A single one of an earlier release lets nobody in without a password, not even inside its container.
func (f *failover) ask(pod, question string) string {
	f.t.Helper()
	if members > 1 {
		return f.sql(pod, question)
	}
	var shard int
	_, err := fmt.Sscanf(pod, "postgres-shard-%d-0", &shard)
	require.NoError(f.t, err)
	conn, err := pgx.ConnectConfig(f.t.Context(), databaseConfig(f.t, f.namespace, shard))
	require.NoError(f.t, err)
	defer conn.Close(f.t.Context())
	var answer string
	require.NoError(f.t, conn.QueryRow(f.t.Context(), question).Scan(&answer))
	return answer
}

// timeline of the first shard grows by one with each server that becomes the primary.
func (f *failover) timeline() int64 {
	f.t.Helper()
	primary := f.servers()[0]
	if members > 1 {
		primary = f.primary()
	}
	timeline, err := strconv.ParseInt(f.ask(primary, "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"), 16, 64)
	require.NoError(f.t, err)
	return timeline
}
