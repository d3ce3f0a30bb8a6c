package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

const (
	// poolVariable says how many connections a pod opens to each shard.
	poolVariable = "SCALESTACK_DB_POOL"
	// reservedConnections connections are for administration and replication.
	reservedConnections = 10
	// defaultConnections is what PostgreSQL accepts where nothing is set.
	defaultConnections = 100
	// serverFile is the server's configuration in a shard's ConfigMap.
	serverFile = "postgresql.conf"
)

// shardConnections holds what all pods may open against what each shard accepts.
var shardConnections = rule.Rule{
	Name: "shard-connections",
	Description: "Every pod reaches every shard, so that the most pods × their pool, with 10 in reserve, fit into " +
		"max_connections of each shard: above it users get errors just when there are most of them.",
	All: func(c *rule.Check, g rule.Graph) {
		needed, terms, known := demand(g)
		if !known || needed == 0 {
			return
		}
		needed += reservedConnections
		for _, config := range g.Of("ConfigMap") {
			n := config.At("data", serverFile)
			if !n.IsText() {
				continue
			}
			if most := maxConnections(n.Text()); most < needed {
				c.Report(config, n.Path()+" max_connections", strconv.Itoa(most),
					fmt.Sprintf("at least %d: %s + %d in reserve", needed, strings.Join(terms, " + "), reservedConnections),
					"raise scalestack:postgres.maxConnections, or lower uses.shards.pool or replicas.max of a service")
			}
		}
	},
}

// demand adds up the connections that all pods open to one shard, including the extra
// pods of a rollout.
func demand(g rule.Graph) (connections int, terms []string, known bool) {
	for _, p := range allPods(g) {
		pool, isSet := poolOf(p)
		if !isSet {
			continue
		}
		replicas := replicasOf(g, p.Owner)
		size, err := strconv.Atoi(pool.Text())
		if !replicas.Known || err != nil {
			return 0, nil, false
		}
		pods := replicas.Max + surge(p.Owner, replicas.Max)
		connections += pods * size
		terms = append(terms, fmt.Sprintf("%d pods of %s × %d", pods, nameOf(p.Owner), size))
	}
	return connections, terms, true
}

func poolOf(p podTemplate) (rule.Node, bool) {
	for _, container := range p.Main() {
		for _, variable := range container.At("env").Items() {
			if variable.At("name").Text() == poolVariable {
				return variable.At("value"), true
			}
		}
	}
	return rule.Node{}, false
}

// surge is how many pods a rollout adds. Kubernetes' default is 25 %.
func surge(owner rule.Resource, replicas int) int {
	strategy := owner.At("spec", "strategy")
	if owner.Kind() != "Deployment" || strategy.At("type").Text() == "Recreate" {
		return 0
	}
	if extra, ok := share(strategy.At("rollingUpdate", "maxSurge"), replicas); ok {
		return extra
	}
	return (replicas + 3) / 4
}

// The server reads names in any case, and takes a blank for the equals sign.
var maxConnectionsLine = regexp.MustCompile(`(?im)^\s*max_connections(?:\s*=\s*|\s+)'?(\d+)'?\s*(?:#.*)?$`)

// maxConnections is the last line's: of two, the server takes that.
func maxConnections(conf string) int {
	lines := maxConnectionsLine.FindAllStringSubmatch(conf, -1)
	if len(lines) == 0 {
		return defaultConnections
	}
	number, err := strconv.Atoi(lines[len(lines)-1][1])
	if err != nil {
		return defaultConnections
	}
	return number
}
