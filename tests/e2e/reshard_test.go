//go:build e2e

package e2e

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/load"
)

// Changing a number moves users between running shards, and no client sees an
// error: 4 shards to 6, and one of them drained. With USERS, RATE, BATCH and OBSERVE
// it is longer, leaves the drained one out and drains the other: make prove-reshard.
func TestReshardUnderLoad(t *testing.T) {
	const short = 20_000
	users := number(t, "USERS", short)
	p := newProof(t, users)
	p.restore()
	p.start(load.Options{Rate: float64(number(t, "RATE", 150)), Zipf: 1.1})

	six := layout{shards: 6}
	require.Equal(t, []string{
		"shards 4 -> 6", "+ shard-4", "+ shard-5",
		"buckets buckets that move: 320 of 960; the minimum is 320: shard 4 must gain 160, shard 5 must gain 160",
	}, p.plan(six)[:4])
	p.reshard(six)
	p.reshard(layout{shards: 6, drain: []int{5}})
	if users > short {
		p.reshard(layout{shards: 5, drain: []int{4}})
	}

	report := p.compare()
	require.Zero(t, report.Failed, "%s", report)
}

// plan is what the preview says of a layout, line by line.
func (p *proof) plan(l layout) []string {
	p.t.Helper()
	preview := pulumi(p.t, "preview", "--json", "--show-sames", "--config-file", p.config(l))
	summary := exec.Command("go", "run", "./cmd/summary")
	summary.Dir, summary.Stdin = repo, strings.NewReader(preview)
	var problems bytes.Buffer
	summary.Stderr = &problems
	text, err := summary.Output()
	require.NoError(p.t, err, problems.String())
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}
