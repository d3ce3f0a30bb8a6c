package summary

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

func shardMap(assignment []int, ids ...int) *shardmap.Map {
	m := &shardmap.Map{Format: 1, Cluster: "test", Generation: 1, Buckets: len(assignment), InitialShards: 2, Assignment: assignment}
	for _, id := range ids {
		name := "shard-" + string(rune('0'+id))
		m.Shards = append(m.Shards, shardmap.Shard{ID: id, Name: name, Host: name, Port: 5432, Database: "db"})
	}
	return m
}

// running is a deployed stack; changed returns it with a difference.
func running() *Figures {
	return &Figures{
		ShardMap:    shardMap([]int{0, 1, 0, 1, 0, 1}, 0, 1),
		Namespace:   "shop",
		Replicas:    map[string]Bounds{"app": {3, 10}},
		Disks:       quantities{"postgres": resource.MustParse("20Gi")},
		Connections: Connections{Need: 130, Pods: 13, Limit: 140},
		Rules: []Rule{
			{Ref: "static", Expression: "a", Cache: true, EdgeTTL: 30 * 86400, BrowserTTL: 86400},
			{Ref: "bypass", Expression: "b"},
		},
	}
}

func changed(edit func(*Figures)) *Figures {
	f := running()
	edit(f)
	return f
}

func TestText(t *testing.T) {
	for name, c := range map[string]struct {
		before, after *Figures
		want          []string
		absent        []string
	}{
		"nothing changes": {running(), running(), []string{
			"  shards       2\n", "  buckets      no bucket moves\n", "  replicas     app: 3 to 10\n", "  disk         20Gi\n",
			"  connections  130 of 140 per shard (13 pods, 10 left)\n", "  cache rules  2\n",
		}, []string{"->", "(new)", "+", "~", "nothing is deployed"}},
		"first deployment": {&Figures{}, running(), []string{
			"nothing is deployed yet\n", "shards       2 (new)\n", "buckets      6 (new)\n", "app: 3 to 10 (new)", "20Gi (new)",
			"+ static: edge 30 d, browser 1 d, if a\n", "+ bypass: never cached, if b\n",
		}, []string{"->"}},
		"a shard more": {running(), changed(func(f *Figures) { f.ShardMap = shardMap([]int{0, 1, 2, 1, 0, 2}, 0, 1, 2) }), []string{
			"shards       2 -> 3\n", "+ shard-2\n", "buckets that move: 2 of 6; the minimum is 2", "shard 0 -> shard 2: 1\n", "shard 1 -> shard 2: 1\n",
		}, nil},
		"a shard drained": {running(), changed(func(f *Figures) { f.ShardMap = shardMap([]int{0, 0, 0, 0, 0, 0}, 0, 1) }), []string{
			"shards       2\n", "shard-1 is drained\n", "shard 1 -> shard 0: 3\n",
		}, []string{"- shard"}},
		"a shard dropped with its data": {running(), changed(func(f *Figures) { f.ShardMap = shardMap([]int{0, 0, 0, 0, 0, 0}, 0) }), []string{
			"- shard-1\n", "this change cannot be made:\n", "shard-1 is not there any more but owns 3 buckets: drain it first\n",
		}, nil},
		"replicas": {running(), changed(func(f *Figures) { f.Replicas["app"] = Bounds{3, 20}; f.Replicas["relay"] = Bounds{3, 5} }), []string{
			"app: 3 to 10 -> 3 to 20\n", "relay: 3 to 5 (new)\n",
		}, nil},
		"disk": {running(), changed(func(f *Figures) {
			f.Disks["postgres"], f.Disks["kafka brokers"] = resource.MustParse("30Gi"), resource.MustParse("1500Gi")
		}), []string{"disk         20Gi -> 1530Gi\n", "kafka brokers: 1500Gi (new)\n", "postgres: 20Gi -> 30Gi\n"}, nil},
		"connections": {running(), changed(func(f *Figures) { f.Connections = Connections{260, 13, 400} }), []string{
			"130 of 140 per shard (13 pods, 10 left) -> 260 of 400 per shard (13 pods, 140 left)\n",
		}, nil},
		"cache rules": {running(), changed(func(f *Figures) {
			f.Rules[0].EdgeTTL, f.Rules[1].Expression = 90, "c"
			f.Rules = append(f.Rules, Rule{Ref: "new", Expression: strings.Repeat("x", 100), Cache: true, Disabled: true})
		}), []string{
			"cache rules  2 -> 3\n", "~ static: edge 30 d, browser 1 d -> edge 90 s, browser 1 d\n", "~ bypass: what it matches changes, see the diff\n",
			"+ new: edge as the origin says, browser as the origin says, disabled, if " + strings.Repeat("x", 80) + " …\n",
		}, []string{"order"}},
		"a cache rule less": {running(), changed(func(f *Figures) { f.Rules = f.Rules[1:] }), []string{
			"cache rules  2 -> 1\n", "- static: edge 30 d, browser 1 d, if a\n",
		}, []string{"order"}},
		"cache rules in another order": {running(), changed(func(f *Figures) { f.Rules[0], f.Rules[1] = f.Rules[1], f.Rules[0] }), []string{
			"cache rules  2\n", "their order changes: the last match wins\n",
		}, []string{"~"}},
		"everything goes": {running(), &Figures{}, []string{
			"shards       2 (goes away)\n", "- shard-0\n", "app: 3 to 10 (goes away)\n", "- bypass: never cached, if b\n",
		}, []string{"buckets"}},
		"nothing at all": {&Figures{}, &Figures{}, []string{"nothing is deployed yet\n"}, []string{"shards", "disk", "connections"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := Text(c.before, c.after, nil)
			for _, want := range c.want {
				require.Contains(t, text, want)
			}
			for _, absent := range c.absent {
				require.NotContains(t, text, absent)
			}
		})
	}
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[int]string{0: "as the origin says", 1: "1 s", 90: "90 s", 120: "2 min", 7200: "2 h", 604800: "7 d"} {
		require.Equal(t, want, duration(seconds))
	}
}
