package kafka

import (
	"strings"

	helmv4 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v4"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// OperatorMode says where the operator comes from.
type OperatorMode string

const (
	// Present: the operator runs already and watches the namespace.
	Present OperatorMode = "present"
	// Install: the operator and its definitions are installed with the cluster. The
	// definitions and cluster roles stay when the stack goes or the mode changes.
	Install OperatorMode = "install"
)

// Operator is the Strimzi operator.
type Operator struct {
	// Mode says whether the operator already runs (present) or its Helm chart is installed
	// with the cluster (install).
	Mode OperatorMode `json:"mode" pulumi:"mode,optional" default:"present" enum:"present,install"`
	// Chart of the operator.
	Chart pulumi.StringInput `json:"chart" pulumi:"chart,optional" default:"oci://quay.io/strimzi-helm/strimzi-kafka-operator"`
	// Version of the operator: of its chart, or of the one that already runs. 0.44.0 is the
	// last with Kafka 3.7.
	Version string `json:"version" pulumi:"version,optional" default:"0.44.0"`
	// KubernetesVersion is what the installed operator is told. Strimzi 0.44 and older
	// crash on what Kubernetes 1.33 and newer report (strimzi#11386). They only compare the
	// version with the oldest one that they support, so the default is right on every newer
	// cluster too.
	KubernetesVersion string `json:"kubernetesVersion" pulumi:"kubernetesVersion,optional" default:"1.33" format:"version"`
	// WatchAllNamespaces lets an operator that is installed here manage the Kafka clusters
	// of every namespace, whose stacks then use mode present.
	WatchAllNamespaces bool `json:"watchAllNamespaces" pulumi:"watchAllNamespaces,optional"`
}

// operatorLabels select the operator's pods, as its chart labels them.
var operatorLabels = pulumi.StringMap{"strimzi.io/kind": pulumi.String("cluster-operator")}

// operatorChart is helm/v4 because its package imports almost nothing: helm/v3
// and yaml bring every API group of Kubernetes into the build.
func operatorChart(a *Args) *helmv4.ChartArgs {
	return &helmv4.ChartArgs{
		Name:      pulumi.String("strimzi"),
		Namespace: a.Namespace.ToStringOutput().ToStringPtrOutput(),
		Chart:     a.Operator.Chart,
		Version:   pulumi.String(a.Operator.Version),
		Values:    pulumi.ToMap(operatorValues(a.Operator)),
	}
}

func operatorValues(o Operator) object {
	return object{
		"podSecurityContext": object{
			"runAsNonRoot":   true,
			"seccompProfile": object{"type": "RuntimeDefault"},
		},
		"securityContext": object{
			"allowPrivilegeEscalation": false,
			"capabilities":             object{"drop": list{"ALL"}},
		},
		"watchAnyNamespace": o.WatchAllNamespaces,
		"extraEnvs": list{object{
			"name":  "STRIMZI_KUBERNETES_VERSION",
			"value": kubernetesVersionFile(o.KubernetesVersion),
		}},
	}
}

// kubernetesVersionFile is a version the way the operator reads it: two lines of
// a properties file.
func kubernetesVersionFile(version string) string {
	major, minor, _ := strings.Cut(version, ".")
	return "major=" + major + "\nminor=" + minor
}
