package pack

import (
	"github.com/scalestack/scalestack/policies/cross"
	"github.com/scalestack/scalestack/policies/edge"
	"github.com/scalestack/scalestack/policies/object"
	"github.com/scalestack/scalestack/policies/pod"
	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/policies/shard"
	"github.com/scalestack/scalestack/policies/stream"
)

// Rules returns every policy there is.
func Rules() []rule.Rule {
	return []rule.Rule{
		pod.Isolation, pod.Volumes, pod.Privileges, pod.User, pod.Kernel,
		pod.Resources, pod.Probes, pod.ReadOnlyRoot, pod.ImagePinned, pod.ImageDigest, pod.PlainSecret,
		object.DefaultNamespace, object.NamespaceRestricted, object.Names, object.ServiceExposure,
		object.AutoscalerMinimum, object.StatefulSetFixed, object.VolumesKept, object.DataRetained,
		cross.Selectors, cross.ServicePort, cross.BudgetRequired, cross.BudgetFloor,
		cross.NetworkCovered, cross.NetworkDenied, cross.TokenUsed,
		shard.Connections, shard.Map, shard.ShardsKept,
		stream.Replication, stream.Consumers,
		edge.CachePrivate, edge.PagesPrivate, edge.OneRuleset, edge.StableRules,
	}
}

// Violations runs every policy with its defaults, as tests do.
func Violations(stack string, graph rule.Graph) []rule.Violation {
	var all []rule.Violation
	for _, one := range Rules() {
		all = append(all, one.Violations(stack, nil, graph)...)
	}
	return all
}
