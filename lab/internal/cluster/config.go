package cluster

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

//go:embed files
var files embed.FS

// kubeconfigs are the clients that get a kubeconfig with their certificate, beside the
// kubelets.
var kubeconfigs = []string{
	"admin", "kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "metrics-server", "volume-provisioner",
	policyProgram, operatorName, metricsStore, kubeStateName, kedaName, gatewayName,
}

// values are what the templates below files/ may use.
type values struct {
	paths.Paths
	Node, Bridge, BridgeIP, PodCIDR, ServiceCIDR, DNSService, DNSReady, APIServer, MetricsPort, KEDAPort, PauseImage, EdgeMetrics, KubeState string
	// Client is the kubeconfig's user.
	Client string
	// CABundle is the cluster's CA in base64, for the aggregation layer.
	CABundle string
}

// nodeValues are what the templates of a node may use beside them.
type nodeValues struct {
	values
	node  node
	count int
}

// NodeData is a folder of the node's own.
func (v nodeValues) NodeData(name string) string { return v.Data(v.node.below(name)) }

// NodeConfig is the path of a configuration file of the node's own.
func (v nodeValues) NodeConfig(name string) string { return v.Config(v.node.below(name)) }

// NodeRun is the node's folder for what a reboot takes away.
func (v nodeValues) NodeRun() string { return v.node.run() }

// NodeIP is the node's address.
func (v nodeValues) NodeIP() string { return v.node.ip() }

// Server is the file name of the kubelet's certificate as a server.
func (v nodeValues) Server() string { return v.node.program("kubelet-server") }

// CgroupRoot is empty for the first node, whose pods are below the machine's own.
func (v nodeValues) CgroupRoot() string {
	if v.node.first() {
		return ""
	}
	return v.node.group().Root()
}

// Gateway is whether the node's bridge has the address that pods send to services over.
func (v nodeValues) Gateway() bool { return v.node.first() }

// Range is the node's part of the pods' network, as the plugin host-local has it. A
// lab's only node has all of it.
func (v nodeValues) Range() string {
	if v.count == 1 {
		return fmt.Sprintf(`{"subnet": %q}`, podCIDR)
	}
	first, last := v.node.pods()
	return fmt.Sprintf(`{"subnet": %q, "gateway": %q, "rangeStart": %q, "rangeEnd": %q}`, podCIDR, bridgeIP, first, last)
}

var nodeConfigs = []string{"containerd.toml", "cni/10-scalestack.conflist", "kubelet.yaml"}

// WriteConfigs renders every configuration file for a lab with that many nodes. It
// writes a file only if its content changes.
func WriteConfigs(p paths.Paths, pauseImage string, count int) error {
	v := values{
		Paths: p, Node: NodeName, Bridge: Bridge, BridgeIP: bridgeIP, PodCIDR: podCIDR, ServiceCIDR: serviceCIDR,
		DNSService: dnsService, DNSReady: dnsReady, APIServer: apiServer, MetricsPort: metricsPort, KEDAPort: kedaPort, PauseImage: pauseImage, EdgeMetrics: EdgeMetrics, KubeState: kubeState,
	}
	ca, err := base64File(p.PKI("ca.crt"))
	if err != nil {
		return err
	}
	v.CABundle = ca
	for _, name := range []string{"kube-proxy.yaml", "Corefile", "addons.yaml", "resolv.conf", "scrape.yaml", "keda.yaml", "keda-resolv.conf", "gateway.yaml"} {
		if err := render(name, p.Config(name), v); err != nil {
			return err
		}
	}
	clients := slices.Clone(kubeconfigs)
	for _, n := range nodesOf(count) {
		clients = append(clients, n.program("kubelet"))
		for _, name := range nodeConfigs {
			if err := render(name, p.Config(n.below(name)), nodeValues{v, n, count}); err != nil {
				return err
			}
		}
	}
	for _, client := range clients {
		v.Client = client
		if err := render("kubeconfig", p.Kubeconfig(client), v); err != nil {
			return err
		}
	}
	return remember(p, count)
}

func render(name, target string, v any) error {
	parsed, err := template.ParseFS(files, "files/"+name)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := parsed.Execute(&text, v); err != nil {
		return err
	}
	if old, err := os.ReadFile(target); err == nil && bytes.Equal(old, text.Bytes()) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, text.Bytes(), modeOf(target))
}

// modeOf keeps credentials to root.
func modeOf(file string) os.FileMode {
	if strings.HasSuffix(file, ".kubeconfig") {
		return 0o600
	}
	return 0o644
}

func base64File(file string) (string, error) {
	content, err := os.ReadFile(file)
	return base64.StdEncoding.EncodeToString(content), err
}
