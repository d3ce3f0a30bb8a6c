//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// layout is what the configuration says about the shards.
type layout struct {
	shards int
	drain  []int
	// pins is the shard of single buckets.
	pins map[int]int
}

// deployed is the layout of Pulumi.dev.yaml.
var deployed = layout{shards: 4}

// mostShards is how many the node has room for.
const mostShards = 6

func (l layout) String() string {
	text := fmt.Sprintf("%d shards", l.shards)
	if l.drain != nil {
		text += fmt.Sprintf(", %v drained", l.drain)
	}
	if l.pins != nil {
		text += fmt.Sprintf(", %d buckets pinned", len(l.pins))
	}
	return text
}

// config is Pulumi.dev.yaml with this layout.
func (p *proof) config(l layout) string {
	values := map[string]any{"shards": l.shards, "moves": map[string]any{
		"batch": number(p.t, "BATCH", 200), "observe": number(p.t, "OBSERVE", 1),
	}}
	if l.drain != nil {
		values["drain"] = l.drain
	}
	if l.pins != nil {
		pins := map[string]int{}
		for bucket, shard := range l.pins {
			pins[strconv.Itoa(bucket)] = shard
		}
		values["pins"] = pins
	}
	return changedConfig(p.t, "postgres", values)
}

func (p *proof) up(config string, flags ...string) {
	p.t.Helper()
	pulumi(p.t, append([]string{"up", "--yes", "--skip-preview", "--config-file", config}, flags...)...)
	p.readMap()
}

// moverLabel finds the Job that moves buckets, and its pods.
const moverLabel = "app.kubernetes.io/instance=shards-reshard"

// ended waits until every mover has ended, and says whether they did their work: the
// Job of the deployment before may still be there.
func (p *proof) ended(limit time.Duration) (complete bool) {
	p.t.Helper()
	eventually(p.t, limit, "the mover ends", func() error {
		states := strings.Split(kubectl(p.t, "get", "jobs", "-n", p.namespace, "-l", moverLabel, "-o",
			`jsonpath={range .items[*]}{.status.conditions[?(@.status=="True")].type};{end}`), ";")
		complete = true
		for _, state := range states[:len(states)-1] {
			complete = complete && strings.Contains(state, "Complete")
			if !strings.Contains(state, "Complete") && !strings.Contains(state, "Failed") {
				return fmt.Errorf("conditions of the Jobs: %q", states)
			}
		}
		if len(states) == 1 {
			return errors.New("no Job")
		}
		return nil
	})
	return complete
}

// await is ended for a mover that must not fail.
func (p *proof) await(limit time.Duration) {
	p.t.Helper()
	complete := p.ended(limit)
	require.True(p.t, complete, "the mover has failed:\n%s", p.moverLog())
}

// moverLog also works while a mover's container is being made.
func (p *proof) moverLog() string {
	log, _ := try(p.t, "kubectl", "logs", "-n", p.namespace, "-l", moverLabel, "--tail=20", "--ignore-errors")
	return log
}

// reshard deploys a layout, waits until the shards own what it says, and finds
// that a second deployment changes nothing.
func (p *proof) reshard(l layout) {
	p.t.Helper()
	before, began, config := p.assignment(), time.Now(), p.config(l)
	p.up(config)
	took := time.Since(began)
	p.await(time.Hour)
	after := p.assignment()
	p.t.Logf("%s: pulumi up %s, until the mover ended %s, %d buckets moved", l,
		took.Round(time.Second), time.Since(began).Round(time.Second), changed(before, after))
	require.Equal(p.t, p.shards.Assignment, after)
	p.up(config, "--expect-no-changes")
}

func changed(before, after []int) (count int) {
	for bucket := range before {
		if before[bucket] != after[bucket] {
			count++
		}
	}
	return count
}

// restore takes the stack back to Pulumi.dev.yaml when the test ends, however it
// ends, and frees the volumes of the shards that were there meanwhile.
func (p *proof) restore() {
	p.t.Cleanup(func() {
		p.readMap()
		var added []int
		var volumes []string
		for id := deployed.shards; id < len(p.shards.Shards); id++ {
			added = append(added, id)
		}
		if added != nil {
			p.up(p.config(layout{shards: len(p.shards.Shards), drain: added}))
			p.await(time.Hour)
		}
		p.up("Pulumi.dev.yaml")
		p.await(time.Hour)
		for id := deployed.shards; id < mostShards; id++ {
			volumes = append(volumes, fmt.Sprintf("data-postgres-shard-%d-0", id))
		}
		kubectl(p.t, append([]string{"delete", "pvc", "-n", p.namespace, "--ignore-not-found"}, volumes...)...)
	})
}
