package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

func TestALabWithoutDataGetsTheNodesThatItIsAskedFor(t *testing.T) {
	for asked, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 3} {
		got, err := Nodes(paths.Paths{Home: t.TempDir()}, asked)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestNodesOutOfRangeAreRefused(t *testing.T) {
	for _, asked := range []int{-1, MaxNodes + 1} {
		_, err := Nodes(paths.Paths{Home: t.TempDir()}, asked)
		require.ErrorContains(t, err, "must be in 1..5")
	}
}

func TestFiveNodesShareThreeZonesAndNoAddress(t *testing.T) {
	var zones, ranges []string
	for _, n := range nodesOf(MaxNodes) {
		first, last := n.pods()
		zones, ranges = append(zones, n.zone()), append(ranges, first+" "+last)
	}
	require.Equal(t, []string{"zone-a", "zone-b", "zone-c", "zone-a", "zone-b"}, zones)
	require.Equal(t, []string{
		"10.244.0.16 10.244.0.62", "10.244.0.63 10.244.0.109", "10.244.0.110 10.244.0.156", "10.244.0.157 10.244.0.203", "10.244.0.204 10.244.0.250",
	}, ranges)
}

// Volumes belong to nodes: what a lab has data of is what it starts with.
func TestTheNumberOfNodesStaysWithTheData(t *testing.T) {
	p := newPaths(t)
	require.NoError(t, WriteConfigs(p, "scalestack/pause:lab", 3))
	for _, asked := range []int{0, 3} {
		got, err := Nodes(p, asked)
		require.NoError(t, err)
		require.Equal(t, 3, got)
	}
	_, err := Nodes(p, 1)
	require.ErrorContains(t, err, "--nodes 1: the data of this lab belongs to 3")
	require.NoError(t, os.WriteFile(p.Data(countFile), []byte("many"), 0o600))
	_, err = Nodes(p, 0)
	require.ErrorContains(t, err, `holds "many"`)
}

func TestALabFromBeforeHasOneNode(t *testing.T) {
	p := paths.Paths{Home: t.TempDir()}
	require.NoError(t, os.MkdirAll(p.Data("etcd"), 0o755))
	_, err := Nodes(p, 3)
	require.ErrorContains(t, err, "belongs to 1")
}

// A lab of one node is what it was before there could be several.
func TestOneNodeHasNothingOfItsOwn(t *testing.T) {
	p := newPaths(t)
	require.NoError(t, WriteConfigs(p, "scalestack/pause:lab", 1))
	require.NoFileExists(t, p.Data(countFile))
	require.NoDirExists(t, p.Config("lab-2"))
	require.NotContains(t, read(t, p.Config("kubelet.yaml")), "cgroupRoot")
	require.Contains(t, read(t, p.Config("cni/10-scalestack.conflist")), `"ranges": [[{"subnet": "10.244.0.0/24"}]]`)
	spec := kubeletSpec(p, firstNode, 1)
	require.Equal(t, "kubelet", spec.Name)
	require.Equal(t, p.Bin("kubelet"), spec.Path)
	require.NotContains(t, strings.Join(spec.Args, " "), "--node-labels")
	require.Equal(t, "/usr/bin/containerd", containerdSpec(p, firstNode).Path)
	require.Equal(t, paths.Run+"/containerd.sock", firstNode.socket())
}

// No two nodes share a path, an address or a range of pods.
func TestNodesShareNothing(t *testing.T) {
	p := newPaths(t)
	require.NoError(t, WriteConfigs(p, "scalestack/pause:lab", 3))
	seen := map[string]string{}
	for _, n := range nodesOf(3) {
		first, last := n.pods()
		for what, value := range map[string]string{
			"name": n.name(), "address": n.ip(), "zone": n.zone(), "socket": n.socket(), "cable": n.uplink(), "group": n.group().Root(),
			"first pod": first, "last pod": last, "hardware": hardware(n.ip()), "kubelet": n.program("kubelet"), "data": p.Data(n.below("containerd")),
		} {
			require.Empty(t, seen[value], "%s of %s: %s", what, n.name(), value)
			seen[value] = n.name()
		}
		require.LessOrEqual(t, len(n.uplink()), 15, "the kernel's limit")
	}
	kubelet := read(t, p.Config("lab-2/kubelet.yaml"))
	require.Contains(t, kubelet, "address: 10.244.0.2\n")
	require.Contains(t, kubelet, "\ncgroupRoot: /scalestack-lab-2\n")
	require.Contains(t, kubelet, p.PKI("kubelet-server-lab-2.crt"))
	network := read(t, p.Config("lab-2/cni/10-scalestack.conflist"))
	require.Contains(t, network, `"isGateway": false`)
	require.Contains(t, network, `"gateway": "10.244.0.1"`)
	require.Contains(t, read(t, p.Config("lab-2/containerd.toml")), `root = "`+p.Data("lab-2/containerd")+`"`)
}

func TestAFurtherNodesProgramsRunInsideIt(t *testing.T) {
	p := newPaths(t)
	spec := kubeletSpec(p, node{2}, 3)
	require.Equal(t, "kubelet-lab-2", spec.Name)
	require.Equal(t, "/bin/sh", spec.Path)
	args := strings.Join(spec.Args, " ")
	require.Contains(t, args, node{2}.group().Entry()+" nsenter --target ")
	require.Contains(t, args, " --mount --net -- "+p.Bin("kubelet")+" --config="+p.Config("lab-2/kubelet.yaml"))
	require.Contains(t, args, "--node-labels=topology.kubernetes.io/zone=zone-b")
}

func TestBreakNamesEveryMistake(t *testing.T) {
	p := newPaths(t)
	require.NoError(t, WriteConfigs(p, "scalestack/pause:lab", 3))
	err := Break(t.Context(), p, os.Stderr, "lab", "explode")
	require.ErrorContains(t, err, "node lab: must be one of lab-2, lab-3; the control plane is on lab")
	require.ErrorContains(t, err, "action explode: must be one of off, freeze, thaw, cut, on")
	require.ErrorContains(t, Break(t.Context(), paths.Paths{Home: t.TempDir()}, os.Stderr, "lab-2", "off"), "NODES=3")
}

// The kubelets' sockets are the longest paths of a lab.
func TestSocketsOfANodeFitIntoTheKernelsLimit(t *testing.T) {
	p := paths.Paths{Home: strings.Repeat("h", 60)}
	require.LessOrEqual(t, len(filepath.Join(p.Data(node{3}.below("kubelet")), "pod-resources/kubelet.sock")), 107)
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(content)
}
