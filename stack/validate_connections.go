package stack

import (
	"fmt"
	"strings"

	"github.com/scalestack/scalestack/components/app"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/internal/check"
)

// connecting is a program whose every pod has a pool of connections to every
// shard.
type connecting struct {
	name           string
	replicas, pool int
}

// checkConnections holds the pools of all pods, and of those that a rollout
// adds, against what each shard accepts.
func (c *Config) checkConnections(errs *check.Errors) {
	need, terms := postgres.ReservedConnections, []string{}
	for _, p := range c.connecting() {
		pods := app.MostPods(p.replicas)
		need += pods * p.pool
		terms = append(terms, fmt.Sprintf("%s %d × %d pods (replicas.max %d and %d more during a rollout)",
			p.name, p.pool, pods, p.replicas, pods-p.replicas))
	}
	if need > c.Postgres.MaxConnections {
		errs.Addf("postgres.maxConnections", "%d is below the %d that every shard must accept: %s, and %d reserved for "+
			"administration and replication", c.Postgres.MaxConnections, need, strings.Join(terms, ", "), postgres.ReservedConnections)
	}
}

func (c *Config) connecting() []connecting {
	all := []connecting{{appName, c.App.Replicas.Max, c.App.Pool}}
	for _, w := range c.workers() {
		if w.pool > 0 {
			all = append(all, connecting{"events." + w.name, w.size.Replicas.Max, w.pool})
		}
	}
	return all
}
