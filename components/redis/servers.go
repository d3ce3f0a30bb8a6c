package redis

import (
	"fmt"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// server is one of a component's. The first one's objects have the component's name, the
// others' their number behind it.
type server struct {
	component string
	number    int
}

func (s server) name() string { return ServerName(s.component, s.number) }

func (s server) labels() kube.Labels { return kube.Labels{Name: s.component, Instance: s.name()} }

// ServerName begins the names of a server's objects.
func ServerName(component string, number int) string {
	if number == 0 {
		return component
	}
	return fmt.Sprintf("%s-%d", component, number)
}

// PodLabels are the labels of the pod of a server, for others' network policies.
func PodLabels(component string, number int) pulumi.StringMap {
	return server{component, number}.labels().Selector()
}

// Servers is how many there are, for both layouts.
func (a *Args) Servers() int { return max(a.Nodes, a.AlsoInvalidate, 1) }

// layoutAnnotation restarts a server, and so empties it, see smallestLayout.
const layoutAnnotation = "scalestack/cache-nodes"

// smallestLayout is the layout with the fewest servers that includes this one. Whatever
// keys a server has in any layout it also has in this one, because a further server
// only takes keys away. So while this layout is in use, every change is marked on the
// server. When another takes its place the server forgets everything: nobody has marked
// the keys that it once gave away, and the other layout may read them here.
func (s server) smallestLayout(a *Args) int {
	least := 0
	for _, nodes := range []int{a.Nodes, a.AlsoInvalidate} {
		if nodes > s.number && (least == 0 || nodes < least) {
			least = nodes
		}
	}
	return least
}

// spread keeps the servers apart without leaving one unscheduled for it. The first one is
// wherever it is: a change of its pod would empty it.
func (s server) spread() corev1.TopologySpreadConstraintArray {
	if s.number == 0 {
		return nil
	}
	var all corev1.TopologySpreadConstraintArray
	for _, key := range []string{"topology.kubernetes.io/zone", "kubernetes.io/hostname"} {
		all = append(all, &corev1.TopologySpreadConstraintArgs{
			LabelSelector:     kube.Match(pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(s.component)}),
			MaxSkew:           pulumi.Int(1),
			TopologyKey:       pulumi.String(key),
			WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
		})
	}
	return all
}

// list is what SCALESTACK_REDIS_ADDRESS says: the servers of the layout, and behind a
// semicolon those of the other one.
func list(a *Args, addresses []string) string {
	text := strings.Join(addresses[:a.Nodes], ",")
	if a.AlsoInvalidate > 0 {
		text += ";" + strings.Join(addresses[:a.AlsoInvalidate], ",")
	}
	return text
}
