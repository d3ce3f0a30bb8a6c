package cluster

import (
	"bytes"
	"embed"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

//go:embed files
var files embed.FS

// kubeconfigs are the clients that get a kubeconfig with their certificate.
var kubeconfigs = []string{
	"admin", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "coredns", "metrics-server", "volume-provisioner",
	operatorName, metricsStore, kedaName, gatewayName,
}

// values are what the templates below files/ may use.
type values struct {
	paths.Paths
	Run, Node, Bridge, BridgeIP, PodCIDR, ServiceCIDR, DNSService, DNSReady, APIServer, MetricsPort, KEDAPort, PauseImage, EdgeMetrics string
	// Client is the kubeconfig's user.
	Client string
	// CABundle is the cluster's CA in base64, for the aggregation layer.
	CABundle string
}

// WriteConfigs renders every configuration file. A file is only written when
// its content changes.
func WriteConfigs(p paths.Paths, pauseImage string) error {
	v := values{
		Paths: p, Run: paths.Run, Node: NodeName, Bridge: Bridge, BridgeIP: bridgeIP, PodCIDR: podCIDR, ServiceCIDR: serviceCIDR,
		DNSService: dnsService, DNSReady: dnsReady, APIServer: apiServer, MetricsPort: metricsPort, KEDAPort: kedaPort, PauseImage: pauseImage, EdgeMetrics: EdgeMetrics,
	}
	ca, err := base64File(p.PKI("ca.crt"))
	if err != nil {
		return err
	}
	v.CABundle = ca
	for _, name := range []string{"containerd.toml", "cni/10-scalestack.conflist", "kubelet.yaml", "kube-proxy.yaml", "Corefile", "addons.yaml", "resolv.conf", "scrape.yaml", "keda.yaml", "keda-resolv.conf", "gateway.yaml"} {
		if err := render(name, p.Config(name), v); err != nil {
			return err
		}
	}
	for _, client := range kubeconfigs {
		v.Client = client
		if err := render("kubeconfig", p.Kubeconfig(client), v); err != nil {
			return err
		}
	}
	return nil
}

func render(name, target string, v values) error {
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
