package builds

import "sort"

// Versions that must agree with lab/go.mod and with the product's go.mod.
const (
	PulumiVersion     = "v3.258.0"
	KubernetesVersion = "v1.34.2"

	kubernetesPlugin = "resource-kubernetes-v4.24.1/pulumi-resource-kubernetes"
	randomPlugin     = "resource-random-v4.18.4/pulumi-resource-random"
	cloudflarePlugin = "resource-cloudflare-v5.49.1/pulumi-resource-cloudflare"
)

// plugins is the folder, as seen from bin/, where the CLI looks for plugins.
const plugins = "../pulumi/plugins/"

// Programs lists what the lab compiles, the longest first.
func Programs() []Program {
	return []Program{
		{
			Name: "kube", Title: "Kubernetes and the Pulumi provider", Package: "./cmd/kube", Patched: true,
			Sources: []string{"cmd/kube", "internal/builds", "internal/netpolicies", "internal/podstop", "internal/volumes"},
			Links: []string{
				"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
				"kubectl", "coredns", "metrics-server", "volume-provisioner", "network-policies", "pod-stop", "kube-state-metrics", plugins + kubernetesPlugin,
			},
			// Clients refuse a server whose version they cannot parse.
			Variables: map[string]string{
				"k8s.io/component-base/version.gitVersion": KubernetesVersion,
				"k8s.io/component-base/version.gitMajor":   "1",
				"k8s.io/component-base/version.gitMinor":   "34",
				"k8s.io/client-go/pkg/version.gitVersion":  KubernetesVersion,
			},
		},
		{
			Name: "pulumi", Title: "the Pulumi CLI", Package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
			Variables: map[string]string{"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PulumiVersion},
		},
		{
			Name: "emulators", Title: "emulators of Pulumi plugins", Package: "./cmd/emulators",
			Sources: []string{"cmd/emulators", "emulators"},
			Links:   []string{"pulumi-language-go", plugins + randomPlugin, plugins + cloudflarePlugin},
		},
		{
			Name: "edge", Title: "the local edge", Package: "./cmd/edge", Product: true,
			Sources: []string{"cmd/edge", "internal/edge", "internal/zoneapi", "sharding/ops"},
		},
		{
			Name: "operator", Title: "the emulator of the Strimzi operator", Package: "./cmd/operator",
			Sources: []string{"cmd/operator", "emulators/strimzi"},
		},
		{
			Name: "victoria-metrics", Title: "VictoriaMetrics", Module: "metrics",
			Package: "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics",
		},
		{
			Name: "keda-operator", Title: "KEDA's operator", Module: "keda", Trimmed: true,
			Package: kedaModule + "/cmd/operator", Sources: []string{"../internal/builds"},
		},
		{
			Name: "keda-adapter", Title: "KEDA's metrics adapter", Module: "keda", Trimmed: true,
			Package: kedaModule + "/cmd/adapter", Sources: []string{"../internal/builds"},
		},
		{
			Name: "mail", Title: "the emulator of a mail provider", Package: "./cmd/mail",
			Sources: []string{"cmd/mail", "mail"},
		},
		{
			Name: "page", Title: "the lab's page", Package: "./cmd/page",
			Sources: []string{"cmd/page", "page", "internal/deploy", "internal/environ", "internal/paths"},
		},
	}
}

// Store is the S3 server of the drills with backups, which no other lab needs.
func Store() Program {
	return Program{
		Name: "versitygw", Title: "an S3 server", Module: "s3", Package: "github.com/versity/versitygw/cmd/versitygw",
	}
}

// Simulator is KWOK, for the benchmark of deployments to nodes that run nothing.
func Simulator() Program {
	return Program{Name: "kwok", Title: "KWOK", Module: "kwok", Package: "sigs.k8s.io/kwok/cmd/kwok"}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
