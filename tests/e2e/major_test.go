//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/load"
)

const (
	majorName = "major"
	nextImage = "postgres:17.7"
)

// major is a stack whose shards get the next version of PostgreSQL.
type major struct{ *failover }

// TestMajorUpgrade gives a stack of two shards, under load, two more with the next version, which take over all buckets;
// goes back; does it again; and lets the old shards go.
func TestMajorUpgrade(t *testing.T) {
	if os.Getenv("DRILL") != majorName {
		t.Skip("takes minutes: make drill-major")
	}
	s := newOwnStack(t, majorName, "failoverstack.yaml")
	s.set(map[string]string{
		"scalestack:namespace": majorName, "scalestack:postgres.shards": "2", "scalestack:postgres.initialShards": "2",
		"scalestack:postgres.moves.batch": "120", "scalestack:postgres.moves.observe": "1",
	})
	s.deploy()
	m := major{newFailover(t, failoverStack{s}, 2000)}
	require.NoError(t, m.pulse.writeOne(), "the first row")
	m.start(load.Options{Rate: 40, Clients: 6, Writes: 0.8, Patience: patience})
	stop := m.pulse.start()
	defer stop()

	m.step("to the next version", func() {
		s.set(map[string]string{"scalestack:postgres.shards": "4", "scalestack:postgres.images.2": nextImage, "scalestack:postgres.images.3": nextImage})
		m.drain(0, 1)
	})
	require.Equal(t, []string{"16", "16", "17", "17"}, m.versions())
	m.step("back again", func() {
		s.pulumi("config", "rm", "--path", "scalestack:postgres.drain")
		m.drain(2, 3)
	})
	m.step("to the next version again", func() { m.drain(0, 1) })
	m.step("the old shards go", func() {
		s.set(map[string]string{"scalestack:postgres.gone[0]": "0", "scalestack:postgres.gone[1]": "1", "scalestack:postgres.image": nextImage})
		s.pulumi("config", "rm", "--path", "scalestack:postgres.images")
	})
	require.Equal(t, []string{"17", "17"}, m.versions())
	require.Equal(t, "postgres-shard-2 postgres-shard-3", kubectl(t, "get", "statefulsets", "-n", m.namespace, "-l", "app.kubernetes.io/name=postgres", "-o", "jsonpath={.items[*].metadata.name}"))
	stop()
	report := m.compare()
	assert.Zero(t, report.Failed)
	m.requireStored("after the upgrade")
}

// drain names the shards that give all they have to the others.
func (m major) drain(shards ...int) {
	m.t.Helper()
	for i, shard := range shards {
		m.stack.set(map[string]string{fmt.Sprintf("scalestack:postgres.drain[%d]", i): fmt.Sprint(shard)})
	}
}

// step deploys a change and waits until the shards own what the map says.
func (m major) step(name string, change func()) {
	m.t.Helper()
	began := time.Now()
	change()
	m.stack.deploy()
	deployed := time.Since(began)
	m.readMap()
	require.True(m.t, m.ended(15*time.Minute), "the mover has failed:\n%s", m.moverLog())
	require.Equal(m.t, m.shards.Assignment, m.assignment(), name)
	m.requireNothingLeft()
	m.t.Logf("%s: pulumi up %.0f s, all moved after %.0f s; at most %.1f s without an acknowledged write", name, deployed.Seconds(), time.Since(began).Seconds(),
		m.pulse.pauseAfter(began).Seconds())
}

// versions are the major versions of the map's shards.
func (m major) versions() (all []string) {
	m.t.Helper()
	for _, shard := range m.shards.Shards {
		var version string
		require.NoError(m.t, database(m.t, m.namespace, shard.ID).QueryRow(m.t.Context(), "SELECT current_setting('server_version_num')::int / 10000 || ''").Scan(&version))
		all = append(all, version)
	}
	return all
}
