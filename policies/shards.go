package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	mapFile = "map.json"
	// drainedAnnotation on a StatefulSet says that no user's data is to be in it.
	drainedAnnotation = "scalestack/drained"
)

// readMap returns the shard map that r holds, if it does.
func readMap(r rule.Resource) (*shardmap.Map, rule.Node, bool) {
	n := r.At("data", mapFile)
	if r.Kind() != "ConfigMap" || !n.IsText() {
		return nil, n, false
	}
	var m shardmap.Map
	err := json.Unmarshal([]byte(n.Text()), &m)
	return &m, n, err == nil
}

// shardMap holds the routing against the servers that exist.
//
// A policy sees the stack as it will be, never as it is. That a shard is about
// to disappear shows here only by what it leaves behind: a map that routes to
// it, buckets without an owner, or a server that nobody is routed to. A change
// that is consistent with itself is caught by shardsKept.
var shardMap = rule.Rule{
	Name: "shard-map",
	Description: "The shard map can be routed by: every bucket belongs to a shard of the map, every shard has its server, " +
		"a server outside the map is marked as drained, and one that is marked owns no bucket.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, config := range g.Of("ConfigMap") {
			n := config.At("data", mapFile)
			if !n.IsText() {
				continue
			}
			m, err := shardmap.Decode([]byte(n.Text()))
			if err != nil {
				c.Report(config, n.Path(), "no valid shard map: "+strings.ReplaceAll(err.Error(), "\n", "; "),
					"what package shardmap accepts",
					"let package shardmap make the map from scalestack:postgres")
				continue
			}
			mapHosts(c, g, config, n, m)
			drainedServers(c, g, config, m)
		}
	},
}

// mapHosts holds the map's hosts against the Services and their pods, as a
// client does.
func mapHosts(c *rule.Check, g rule.Graph, config rule.Resource, n rule.Node, m *shardmap.Map) {
	for i, shard := range m.Shards {
		if len(serversOf(g, config, shard)) == 0 && !nameless(g, "Service") {
			c.Report(config, fmt.Sprintf("%s shards[%d]", n.Path(), i), shard.Name+" at "+shard.Host+", where no StatefulSet is",
				"shards whose Service leads to a StatefulSet of this stack",
				"keep the shard's server until its buckets have moved away, or correct its host")
		}
	}
}

// serversOf are the StatefulSets that may be behind the shard's host.
func serversOf(g rule.Graph, config rule.Resource, shard shardmap.Shard) []rule.Resource {
	host, _, _ := strings.Cut(shard.Host, ".")
	service, ok := named(g, "Service", host, config)
	if !ok {
		return nil
	}
	selector := shardSelector(service)
	var found []rule.Resource
	for _, set := range g.Of("StatefulSet") {
		pods, _ := podsOf(set)
		if together(set, service) && selectsMap(selector, pods.Labels) != no {
			found = append(found, set)
		}
	}
	return found
}

// shardSelector is the Service's. One without belongs to Patroni, which writes the
// primary's address there and finds its members by the labels that the Service has too.
func shardSelector(service rule.Resource) rule.Node {
	selector := service.At("spec", "selector")
	if !selector.Absent() {
		return selector
	}
	own := map[string]any{}
	for _, label := range []string{"app.kubernetes.io/name", "app.kubernetes.io/instance"} {
		own[label] = service.At("metadata", "labels", label).Text()
	}
	return rule.NewNode(own)
}

// drainedServers looks for databases that nobody is routed to, or somebody wrongly is.
func drainedServers(c *rule.Check, g rule.Graph, config rule.Resource, m *shardmap.Map) {
	if nameless(g, "Service") {
		return
	}
	known, owns, counts := map[string]bool{}, map[string]int{}, m.Counts()
	for _, shard := range m.Shards {
		for _, set := range serversOf(g, config, shard) {
			known[set.URN] = true
			owns[set.URN] += counts[shard.ID]
		}
	}
	for _, set := range g.Of("StatefulSet") {
		marked := set.At("metadata", "annotations", drainedAnnotation)
		if owned := owns[set.URN]; owned > 0 && marked.Text() == "true" {
			c.Report(set, marked.Path(), fmt.Sprintf("true, but the map gives it %d buckets", owned),
				"true only on a shard without buckets", "name the shard in scalestack:postgres.drain, or remove the annotation")
		}
		if known[set.URN] || !isShard(g, set) || !marked.Known() || marked.Text() == "true" {
			continue
		}
		c.Report(set, "the server", "not in the shard map and not marked as drained",
			"a shard of the map, or the annotation "+drainedAnnotation+": \"true\"",
			"move its buckets to other shards first; mark it once it owns none, and remove it then")
	}
}

// isShard is true for a server whose pods mount a PostgreSQL configuration.
func isShard(g rule.Graph, set rule.Resource) bool {
	pods, _ := podsOf(set)
	return slices.ContainsFunc(pods.Spec.At("volumes").Items(), func(volume rule.Node) bool {
		config, ok := named(g, "ConfigMap", volume.At("configMap", "name").Text(), set)
		return ok && config.At("data", serverFile).Set()
	})
}

// shardsKept compares the new map with what is deployed, which its caller has
// to say: CI takes it from the stack's output "shards".
var shardsKept = rule.Rule{
	Name: "shards-kept",
	Description: "A shard that holds data leaves the map only after it was drained. What is deployed comes from the " +
		"policy's configuration: a policy itself is not told of the stack's present state.",
	Settings: []rule.Setting{
		{Name: "deployed", Meaning: "names of the shards that are deployed now; empty: not checked", Default: []any{}},
		{Name: "drained", Meaning: "names of those that were drained", Default: []any{}},
	},
	Each: func(c *rule.Check, r rule.Resource) {
		m, n, ok := readMap(r)
		if !ok {
			return
		}
		var kept []string
		for _, shard := range m.Shards {
			kept = append(kept, shard.Name)
		}
		for _, name := range c.Texts("deployed") {
			if !slices.Contains(kept, name) && !slices.Contains(c.Texts("drained"), name) {
				c.Report(r, n.Path()+" shards", strings.Join(kept, ", ")+" without "+name, "every shard that is deployed and not drained",
					"put scalestack:postgres.shards or gone back, drain "+name+" and list it in this policy's setting drained")
			}
		}
	},
}
