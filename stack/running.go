package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/internal/cluster"
)

// running is what the shards accept, and what the pods may hold, before this
// deployment.
type running struct {
	// maxConnections is 0 without a shard.
	maxConnections int
	// pods are the connections of each service's pods to one shard, known only if
	// maxConnections will decrease.
	pods map[string]int
	// caches are the layouts of the cache in use, each with a pod or Deployment that
	// has it.
	caches map[cacheLayout]string
}

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	autoscalers = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
)

// findRunning asks the cluster rather than the state, in which a rollout that failed
// has replaced all pods.
func (c *Config) findRunning(ctx context.Context, there cluster.Interface) (r running, err error) {
	if r.caches, err = c.runningCaches(ctx, there); err != nil {
		return r, err
	}
	if r.maxConnections, err = c.runningConnections(ctx, there); err != nil || r.maxConnections <= c.Postgres.MaxConnections {
		return r, err
	}
	var sets []replicaSet
	if err = list(ctx, there, replicaSets, c.Namespace, &sets); err != nil {
		return r, err
	}
	var scaled []autoscaler
	if err = list(ctx, there, autoscalers, c.Namespace, &scaled); err != nil {
		return r, err
	}
	r.pods = connectionsOf(sets, scaled)
	return r, nil
}

// runningConnections reads the settings of the last shard, because shards change in
// this order.
func (c *Config) runningConnections(ctx context.Context, there cluster.Interface) (int, error) {
	for _, id := range slices.Backward(c.shardIDs()) {
		object, err := there.Get(ctx, configMaps, c.Namespace, postgres.ConfigName(postgresName, id))
		if err != nil {
			return 0, err
		}
		if object == nil {
			continue
		}
		var config struct{ Data map[string]string }
		err = decodeObject(object, &config)
		return postgres.MaxConnectionsOf(config.Data), err
	}
	return 0, nil
}

// replicaSet is a version of a service's pods, or a Deployment.
type replicaSet struct {
	Metadata struct{ Labels map[string]string }
	Spec     struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Env []struct{ Name, Value string }
				}
			}
		}
	}
	Status struct{ Replicas int }
}

func (s replicaSet) pool() int {
	for _, container := range s.Spec.Template.Spec.Containers {
		for _, variable := range container.Env {
			if variable.Name == poolVariable {
				pool, _ := strconv.Atoi(variable.Value)
				return pool
			}
		}
	}
	return 0
}

// autoscaler is Kubernetes' or KEDA's.
type autoscaler struct {
	Spec struct {
		ScaleTargetRef               struct{ Name string }
		MaxReplicas, MaxReplicaCount int
	}
}

// connectionsOf returns the connections of each service's pods, for the most pods that
// there may be and the largest pool that one of them has.
func connectionsOf(sets []replicaSet, scaled []autoscaler) map[string]int {
	pools, pods := map[string]int{}, map[string]int{}
	for _, set := range sets {
		if name := set.Metadata.Labels["app.kubernetes.io/name"]; set.Status.Replicas > 0 && set.pool() > 0 {
			pools[name], pods[name] = max(pools[name], set.pool()), pods[name]+set.Status.Replicas
		}
	}
	for _, one := range scaled {
		name := one.Spec.ScaleTargetRef.Name
		pods[name] = max(pods[name], service.MaxPodsDuringRollout(max(one.Spec.MaxReplicas, one.Spec.MaxReplicaCount)))
	}
	for name := range pools {
		pools[name] *= pods[name]
	}
	return pools
}

// judgeConnections refuses to leave the shards fewer connections than the pods may
// hold: the shards restart before any pod is replaced, the earlier pods take all
// connections back, and those of the rollout get none.
func (c *Config) judgeConnections(r running) field.ErrorList {
	most := c.Postgres.MaxConnections
	if r.maxConnections <= most {
		return nil
	}
	need, terms := c.beside(r.pods)
	if need <= most {
		return nil
	}
	return field.ErrorList{field.Invalid(sectionPath("postgres").Child("maxConnections"), most, fmt.Sprintf(
		"must be at least %d while the pods of before run: %s, and %d reserved for administration and replication. The shards would restart first. "+
			"Fix: deploy everything else with maxConnections %d, as it is, and then %d alone",
		need, terms, postgres.ReservedConnections, r.maxConnections, most))}
}

// beside is what each shard has to accept while these connections of services are held
// side by side with those of this deployment.
func (c *Config) beside(before map[string]int) (need int, terms string) {
	held := map[string]int{}
	maps.Copy(held, before)
	for _, s := range c.services() {
		if s.hasPool() {
			held[s.Name] = max(held[s.Name], s.connections())
		}
	}
	need = postgres.ReservedConnections
	var each []string
	for _, name := range slices.Sorted(maps.Keys(held)) {
		need += held[name]
		each = append(each, fmt.Sprintf("%s %d", name, held[name]))
	}
	return need, strings.Join(each, ", ")
}

// tellConnections warns if a service gets what another service gives up only in this
// deployment, as a renamed service does: a service that needs all its connections gets
// none beyond them.
func (c *Config) tellConnections(ctx *pulumi.Context, p past) error {
	deployed := slices.Clone(p.deployed)
	for i := range deployed {
		// A Deployment without pods may get some.
		deployed[i].Status.Replicas = max(deployed[i].Status.Replicas, 1)
	}
	need, terms := c.beside(connectionsOf(deployed, p.scaled))
	if need <= c.Postgres.MaxConnections {
		return nil
	}
	return ctx.Log.Warn(fmt.Sprintf("postgres.maxConnections is %d, and pods of before and of this deployment may hold %d for a while: %s, and %d reserved. "+
		"At a busy hour some would get none. To be safe, deploy what gives connections away first, or with maxConnections %[2]d",
		c.Postgres.MaxConnections, need, terms, postgres.ReservedConnections), nil)
}

// list reads the objects of a kind.
func list[T any](ctx context.Context, there cluster.Interface, of schema.GroupVersionResource, namespace string, into *[]T) error {
	objects, err := there.List(ctx, of, namespace)
	if err != nil {
		return err
	}
	return decodeObject(objects, into)
}

func decodeObject(object, into any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
