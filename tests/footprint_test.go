package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

const (
	statefulSetType = "kubernetes:apps/v1:StatefulSet"
	claimType       = "kubernetes:core/v1:PersistentVolumeClaim"
	scalerType      = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
	kedaType        = "kubernetes:keda.sh/v1alpha1:ScaledObject"
	poolType        = "kubernetes:kafka.strimzi.io/v1beta2:KafkaNodePool"
	kafkaType       = "kubernetes:kafka.strimzi.io/v1beta2:Kafka"
)

// footprint is what pods of one kind ask the cluster for.
type footprint struct {
	name        string
	least, most int
	cpu, memory resource.Quantity
	// disk is for all of them.
	disk resource.Quantity
}

// times adds a quantity n times.
func times(sum *resource.Quantity, q resource.Quantity, n int) {
	for range n {
		sum.Add(q)
	}
}

// footprints lists what runs all the time. Jobs, and the pods that a rollout adds, come
// on top for minutes.
func footprints(t *testing.T, g *graph) []footprint {
	t.Helper()
	var all []footprint
	for _, node := range g.find(deployment) {
		f := templateOf(t, node, at(t, node, "metadata.name"))
		f.least, f.most = count(t, node), count(t, node)
		for kind, suffix := range map[string]string{scalerType: "Replicas", kedaType: "ReplicaCount"} {
			for _, scaler := range g.find(kind) {
				if at(t, scaler, "spec.scaleTargetRef.name") == f.name {
					f.least, f.most = number(t, scaler, "spec.min"+suffix), number(t, scaler, "spec.max"+suffix)
				}
			}
		}
		all = append(all, f)
	}
	all = append(all, shardsOf(t, g))
	for _, node := range g.find(poolType) {
		f := podsOf(t, node, "spec.resources.requests", "kafka "+at(t, node, "metadata.name"))
		f.least, f.most = count(t, node), count(t, node)
		times(&f.disk, quantity(t, node, "spec.storage.volumes[0].size"), f.most)
		all = append(all, f)
	}
	for _, node := range g.find(kafkaType) {
		for part, path := range map[string]string{
			"topic operator": "spec.entityOperator.topicOperator", "user operator": "spec.entityOperator.userOperator",
			"cruise control": "spec.cruiseControl", "exporter": "spec.kafkaExporter",
		} {
			if at(t, node, path) != "" {
				f := podsOf(t, node, path+".resources.requests", "kafka "+part)
				f.least, f.most = 1, 1
				all = append(all, f)
			}
		}
	}
	slices.SortFunc(all, func(a, b footprint) int { return strings.Compare(a.name, b.name) })
	return all
}

func shardsOf(t *testing.T, g *graph) footprint {
	t.Helper()
	sets := g.find(statefulSetType)
	require.NotEmpty(t, sets)
	f := templateOf(t, sets[0], "servers of shards")
	f.least, f.most = len(sets), len(sets)
	for _, claim := range g.find(claimType) {
		f.disk.Add(quantity(t, claim, "spec.resources.requests.storage"))
	}
	return f
}

// templateOf adds up the containers of a pod.
func templateOf(t *testing.T, node pulumi.MockResourceArgs, name string) footprint {
	t.Helper()
	sum := footprint{name: name}
	for i := 0; ; i++ {
		container := fmt.Sprintf("spec.template.spec.containers[%d]", i)
		if at(t, node, container+".name") == "" {
			return sum
		}
		one := podsOf(t, node, container+".resources.requests", name)
		sum.cpu.Add(one.cpu)
		sum.memory.Add(one.memory)
	}
}

func podsOf(t *testing.T, node pulumi.MockResourceArgs, requests, name string) footprint {
	t.Helper()
	return footprint{name: name, cpu: quantity(t, node, requests+".cpu"), memory: quantity(t, node, requests+".memory")}
}

func quantity(t *testing.T, node pulumi.MockResourceArgs, path string) resource.Quantity {
	t.Helper()
	q, err := resource.ParseQuantity(at(t, node, path))
	require.NoError(t, err, "%s: %s", id(node), path)
	return q
}

func count(t *testing.T, node pulumi.MockResourceArgs) int {
	t.Helper()
	if at(t, node, "spec.replicas") == "" {
		return 1
	}
	return number(t, node, "spec.replicas")
}

func number(t *testing.T, node pulumi.MockResourceArgs, path string) int {
	t.Helper()
	n, err := strconv.ParseFloat(at(t, node, path), 64)
	require.NoError(t, err, "%s: %s", id(node), path)
	return int(n)
}

// table is one environment in Markdown.
func table(env string, all []footprint) string {
	var text strings.Builder
	fmt.Fprintf(&text, "\n## %s\n\n| pods | number | CPU of each | memory of each | disk of all |\n|---|---|---|---|---|\n", env)
	var leastCPU, mostCPU, leastMemory, mostMemory, disk resource.Quantity
	least, most := 0, 0
	for _, f := range all {
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", f.name, span(f.least, f.most), f.cpu.String(), f.memory.String(), sized(f.disk))
		times(&leastCPU, f.cpu, f.least)
		times(&mostCPU, f.cpu, f.most)
		times(&leastMemory, f.memory, f.least)
		times(&mostMemory, f.memory, f.most)
		disk.Add(f.disk)
		least, most = least+f.least, most+f.most
	}
	fmt.Fprintf(&text, "| **all** | **%s** | **%.1f to %.1f** | **%.1f to %.1f GiB** | **%.0f GiB** |\n", span(least, most),
		leastCPU.AsApproximateFloat64(), mostCPU.AsApproximateFloat64(), gib(leastMemory), gib(mostMemory), gib(disk))
	return text.String()
}

func span(least, most int) string {
	if least == most {
		return strconv.Itoa(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

func sized(disk resource.Quantity) string {
	if disk.IsZero() {
		return ""
	}
	return disk.String()
}

func gib(q resource.Quantity) float64 { return q.AsApproximateFloat64() / (1 << 30) }

const footprintFile = "../docs/reference/footprint.md"

// TestFootprint keeps the page on what each environment asks for current.
func TestFootprint(t *testing.T) {
	text := "# What a stack asks the cluster for\n\nThe requests of everything that runs all the time, from the resource graphs: the number of pods between the autoscalers' bounds, " +
		"and what the nodes and volumes that they need cost follows from your provider's prices. Jobs, and the pods that a rollout adds, come on top for minutes; " +
		"so do the operator of Kafka and what the cluster itself runs. `go test ./tests -run TestFootprint -update` writes this page.\n"
	for _, env := range environments {
		text += table(env, footprints(t, deployed(t, env)))
	}
	if *update {
		require.NoError(t, os.WriteFile(footprintFile, []byte(text), 0o644))
	}
	current, err := os.ReadFile(filepath.FromSlash(footprintFile))
	require.NoError(t, err)
	require.Equal(t, text, string(current), "run go test ./tests -run TestFootprint -update")
}
