package summary

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

func grown() *Figures {
	return changed(func(f *Figures) { f.ShardMap = shardMap([]int{0, 1, 2, 1, 0, 2}, 0, 1, 2) })
}

func TestData(t *testing.T) {
	estimate := &Estimate{
		Moves:   []EstimatedMove{{0, 2, 1, 1234567, 5 << 29}, {1, 2, 1, 12, 900}},
		Batches: 2, RowsPerSecond: 41000, Seconds: 90.4,
	}
	measured := *estimate
	measured.Measured, measured.Unread, measured.TooFull = true, []string{"shard-1"}, []string{"shard-2: its volume is small"}
	for name, c := range map[string]struct {
		after    *Figures
		estimate *Estimate
		err      error
		want     []string
		absent   string
	}{
		"estimated": {grown(), estimate, nil, []string{
			"  data         shard 0 -> shard 2: 1 buckets, about 1,234,567 rows, 2.5 GiB\n",
			"shard 1 -> shard 2: 1 buckets, about 12 rows, 900 B\n",
			"about 1m30s at 41,000 rows/s, as measured elsewhere, since nothing has moved here yet; 2 batches",
		}, "did not answer"},
		"measured":     {grown(), &measured, nil, []string{"as measured in the last moves here", "shard-1 did not answer", "the move that fills it will be refused: shard-2: its volume is small\n"}, "elsewhere"},
		"done already": {grown(), &Estimate{}, nil, []string{"the shards own what they should already"}, "about"},
		"unreachable":  {grown(), nil, errors.New("no pod"), []string{"not known, because the shards could not be asked: no pod\n"}, "about"},
		"refused":      {grown(), nil, errRefused, []string{"  data         the shards refuse this change\n"}, "not known"},
		"no change":    {running(), estimate, nil, nil, "data"},
		"a shard goes": {changed(func(f *Figures) { f.ShardMap = shardMap([]int{0, 0, 0, 0, 0, 0}, 0) }), nil, errRefused, []string{"this change cannot be made", "refuse"}, "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			text := Text(running(), c.after, func(*Figures, *Figures) (*Estimate, error) { return c.estimate, c.err })
			for _, want := range c.want {
				require.Contains(t, text, want)
			}
			require.NotContains(t, text, c.absent)
		})
	}
	require.NotContains(t, Text(&Figures{}, grown(), func(*Figures, *Figures) (*Estimate, error) { panic("nobody to ask") }), "data")
}

// kubectl puts a program in kubectl's place.
func kubectl(t *testing.T, script string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "kubectl"), []byte("#!/bin/sh\n"+script), 0o755))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

func TestAsk(t *testing.T) {
	deployed := changed(func(f *Figures) { f.Context = "blue" })
	kubectl(t, `
		test "$*" = "exec --stdin --quiet --namespace shop deployment/shardctl --context blue -- /shardctl plan --to -" || exit 9
		grep -q '"shard-2"' && echo '{"moves":[{"from":0,"to":2,"buckets":1,"rows":2,"bytes":3}],"batches":1,"rowsPerSecond":5.5,"measured":true,"seconds":0.4}'`)
	e, err := Ask(deployed, grown())
	require.NoError(t, err)
	require.Equal(t, &Estimate{Moves: []EstimatedMove{{0, 2, 1, 2, 3}}, Batches: 1, RowsPerSecond: 5.5, Measured: true, Seconds: 0.4}, e)

	kubectl(t, `test "${*#*deployment/shardctl }" = "-- /shardctl plan --to - --volume 21474836480" && echo '{"tooFull":["shard-2: small"]}'`)
	e, err = Ask(running(), changed(func(f *Figures) { f.Volume = resource.MustParse("20Gi") }))
	require.NoError(t, err)
	require.Equal(t, []string{"shard-2: small"}, e.TooFull)

	for _, c := range []struct{ script, want string }{
		{`echo "Error from server (Forbidden): no" >&2; echo more >&2; exit 1`, "Error from server (Forbidden): no"},
		{`echo '{"level":"WARN","error":"timeout"}' >&2; echo '{"level":"ERROR","error":"refused: shards: shard-2 owns"}' >&2; exit 3`, "the shards refuse this change: refused: shards: shard-2 owns"},
		{"exit 2", "exit status 2"},
	} {
		kubectl(t, c.script)
		_, err := Ask(running(), grown())
		require.EqualError(t, err, c.want)
	}
	t.Setenv("PATH", "")
	_, err = Ask(running(), grown())
	require.ErrorIs(t, err, exec.ErrNotFound)
}
