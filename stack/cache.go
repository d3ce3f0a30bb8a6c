package stack

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/internal/cluster"
)

// cacheLayout is the number of cache servers that a program reads from, and the other
// number by which it also invalidates, 0 for none.
type cacheLayout struct{ nodes, also int }

// layoutOf parses an address of the cache.
func layoutOf(address string) cacheLayout {
	nodes, also, changing := strings.Cut(address, ";")
	l := cacheLayout{nodes: servers(nodes)}
	if changing {
		l.also = servers(also)
	}
	return l
}

func servers(list string) int { return strings.Count(list, ",") + 1 }

// invalidates reports whether this layout invalidates what programs with that many
// servers read.
func (l cacheLayout) invalidates(nodes int) bool { return nodes == l.nodes || nodes == l.also }

func (l cacheLayout) String() string {
	if l.also == 0 {
		return fmt.Sprintf("nodes %d", l.nodes)
	}
	return fmt.Sprintf("nodes %d and alsoInvalidate %d", l.nodes, l.also)
}

var (
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
)

// program is a pod, or a Deployment that may create some.
type program struct {
	Metadata struct{ Name string }
	Spec     struct {
		podContainers
		Template struct{ Spec podContainers }
	}
	Status struct{ Phase string }
}

type podContainers struct {
	Containers []struct {
		Env []struct{ Name, Value string }
	}
}

func (p program) cacheAddress() string {
	for _, container := range slices.Concat(p.Spec.Containers, p.Spec.Template.Spec.Containers) {
		for _, variable := range container.Env {
			if variable.Name == cacheVariable {
				return variable.Value
			}
		}
	}
	return ""
}

// runningCaches asks for pods, including terminating ones, because they may still
// answer. If there was one server and there will be one, nothing needs to be known.
func (c *Config) runningCaches(ctx context.Context, there cluster.Interface) (map[cacheLayout]string, error) {
	if c.Redis.Servers() == 1 {
		second, err := there.Get(ctx, configMaps, c.Namespace, redis.ServerName(redisName, 1)+"-config")
		if err != nil || second == nil {
			return nil, err
		}
	}
	found := map[cacheLayout]string{}
	for _, kind := range []schema.GroupVersionResource{deployments, pods} {
		var all []program
		if err := list(ctx, there, kind, c.Namespace, &all); err != nil {
			return nil, err
		}
		for _, one := range all {
			ended := one.Status.Phase == "Succeeded" || one.Status.Phase == "Failed"
			if address := one.cacheAddress(); address != "" && !ended {
				found[layoutOf(address)] = strings.TrimSuffix(kind.Resource, "s") + " " + one.Metadata.Name
			}
		}
	}
	return found, nil
}

// judgeCache refuses a step at which earlier programs and those of this run, side by
// side, would read what the others do not invalidate.
func (c *Config) judgeCache(f findings) field.ErrorList {
	path, next := sectionPath("redis").Child("nodes"), cacheLayout{c.Redis.Nodes, c.Redis.AlsoInvalidate}
	if c.renders() {
		return judgeRenderedCache(path, next, f.past)
	}
	var errs field.ErrorList
	byNodes := func(a, b cacheLayout) int { return cmp.Or(a.nodes-b.nodes, a.also-b.also) }
	for _, now := range slices.SortedFunc(maps.Keys(f.running.caches), byNodes) {
		var first cacheLayout
		switch {
		case !now.invalidates(next.nodes):
			first = cacheLayout{now.nodes, next.nodes}
		case !next.invalidates(now.nodes):
			first = cacheLayout{next.nodes, now.nodes}
		default:
			continue
		}
		errs = append(errs, field.Invalid(path, next.nodes, fmt.Sprintf("would let users read old entries: %s has %s, and this deployment has %s. "+
			"Fix: deploy %s first, and go on when no pod of before is left (docs/cache.md)", f.running.caches[now], now, next, first)))
	}
	return errs
}

// judgeRenderedCache refuses every change, because nothing shows which pods are left of
// what was rendered before.
func judgeRenderedCache(path *field.Path, next cacheLayout, p past) field.ErrorList {
	isNew := p.namespace == ""
	if isNew && next.also == 0 || !isNew && layoutOf(p.cache) == next {
		return nil
	}
	return field.ErrorList{field.Invalid(path, next.nodes, fmt.Sprintf(
		"cannot be %s in a stack that renders its objects: whether pods of before are left cannot be seen. It stays as in the first deployment", next))}
}
