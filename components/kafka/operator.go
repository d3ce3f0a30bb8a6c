package kafka

import (
	"strings"

	helmv4 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v4"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// operatorLabels select the operator's pods, as its chart labels them.
var operatorLabels = map[string]string{"strimzi.io/kind": "cluster-operator"}

// operatorChart is helm/v4 because its package imports almost nothing: helm/v3
// and yaml bring every API group of Kubernetes into the build.
func operatorChart(a *Args) *helmv4.ChartArgs {
	return &helmv4.ChartArgs{
		Name:      pulumi.String("strimzi"),
		Namespace: a.Namespace.ToStringOutput().ToStringPtrOutput(),
		Chart:     pulumi.String(a.Operator.Chart),
		Version:   pulumi.String(a.Operator.Version),
		Values:    pulumi.ToMap(operatorValues(a.Operator)),
	}
}

func operatorValues(o Operator) object {
	values := object{
		"podSecurityContext": object{
			"runAsNonRoot":   true,
			"seccompProfile": object{"type": "RuntimeDefault"},
		},
		"securityContext": object{
			"allowPrivilegeEscalation": false,
			"capabilities":             object{"drop": list{"ALL"}},
		},
	}
	if o.KubernetesVersion != "" {
		values["extraEnvs"] = list{object{
			"name":  "STRIMZI_KUBERNETES_VERSION",
			"value": kubernetesVersionFile(o.KubernetesVersion),
		}}
	}
	return values
}

// kubernetesVersionFile is a version the way the operator reads it: two lines of
// a properties file.
func kubernetesVersionFile(version string) string {
	major, minor, _ := strings.Cut(version, ".")
	return "major=" + major + "\nminor=" + minor
}
