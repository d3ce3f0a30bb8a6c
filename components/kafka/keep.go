package kafka

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Removed names what may be dropped from the cluster with its data. The next deployment no
// longer keeps something that is named here while it is still configured; it goes once it
// is then taken out of the configuration.
type Removed struct {
	// Pools that may lose nodes or be dropped. Their partitions must have moved to other
	// brokers first: Strimzi does not check a pool that is dropped. A pool with controllers
	// can never be dropped, since Kafka's quorum cannot change.
	Pools []string `json:"pools" pulumi:"pools,optional" format:"label"`
	// Topics that may be dropped with all their messages.
	Topics []string `json:"topics" pulumi:"topics,optional"`
	// Messages names topics that stay but whose stored messages may be deleted. Once a
	// deployment has named a topic, a later one may shorten its retention or change
	// compact.
	Messages []string `json:"messages" pulumi:"messages,optional"`
}

// Check refuses a name that is given twice.
func (r Removed) Check(path *field.Path) field.ErrorList {
	return slices.Concat(duplicates(path.Child("pools"), r.Pools), duplicates(path.Child("topics"), r.Topics),
		duplicates(path.Child("messages"), r.Messages))
}

func (a *Args) releasesPool(name string) bool { return slices.Contains(a.Removed.Pools, name) }

// letsGo reports whether a pool may leave. Others with as many controllers would begin with
// nothing of what these know: the brokers would find no topic.
func (a *Args) letsGo(p Pool) bool {
	return a.releasesPool(p.Name) && !slices.Contains(p.Roles, Controller)
}

func (a *Args) releasesTopic(name string) bool { return slices.Contains(a.Removed.Topics, name) }

func (a *Args) releasesMessages(topic string) bool { return slices.Contains(a.Removed.Messages, topic) }

// keptPools are the names of the pools that hold data, sorted.
func (a *Args) keptPools() []string {
	var names []string
	for _, pool := range a.Pools {
		if !a.letsGo(pool) {
			names = append(names, pool.Name)
		}
	}
	slices.Sort(names)
	return names
}

// keptTopics are the names of the topics that hold data, sorted.
func (a *Args) keptTopics() []string {
	var names []string
	for _, topic := range a.Topics {
		if !a.releasesTopic(topic.Name) {
			names = append(names, topic.Name)
		}
	}
	slices.Sort(names)
	return names
}

// kept are the component's inputs: what the next deployment must not lose.
func (a *Args) kept() pulumi.Map {
	return pulumi.Map{
		"namespace":   a.Namespace,
		"pools":       pulumi.ToStringArray(a.keptPools()),
		"topics":      pulumi.ToStringArray(a.keptTopics()),
		"controllers": pulumi.Int(a.count(Controller)),
	}
}

// keep says what happens to an object that holds data when it leaves the stack: it
// stays in the cluster, and a later deployment adopts it. The Kafka resource and the
// pools hold the cluster's id in their status; without it no broker starts on a volume
// that it has written. A released object gets no options, so that the component's own
// still apply.
func (a *Args) keep(released bool) []pulumi.ResourceOption {
	switch {
	case released:
		return nil
	case a.Protect:
		return []pulumi.ResourceOption{pulumi.RetainOnDelete(true), pulumi.Protect(true)}
	}
	return []pulumi.ResourceOption{pulumi.RetainOnDelete(true)}
}

// lifecycle returns the annotations of all of Strimzi's resources. A fixed field
// manager owns the fields across the stack's lifetimes, so that what was left can be
// adopted. And Pulumi's default, deletion in the foreground, marks the objects that the
// operator created as changed; it would create them again and hold its lock meanwhile.
func lifecycle(more pulumi.StringMap) pulumi.StringMap {
	all := pulumi.StringMap{
		managerAnnotation:                      pulumi.String(fieldManager),
		"pulumi.com/deletionPropagationPolicy": pulumi.String("background"),
	}
	maps.Copy(all, more)
	return all
}
