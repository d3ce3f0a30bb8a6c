package kube

import (
	_ "embed"
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
)

// certManager is the group of cert-manager's objects.
const certManager = "cert-manager.io"

// AdoptCertificate is the beginning of a script that gives a server a checked copy of its
// certificate. See there what its end has to define.
//
//go:embed tls.sh
var AdoptCertificate string

type object = map[string]any

// Certificate asks the issuer of t, which is set, for one certificate with all names, for
// servers and the usages beyond. A further name is a new certificate. The key changes with
// each, so that one that leaked ends.
func Certificate(labels Labels, secret string, namespace pulumi.StringInput, t *k8s.TLS, names pulumi.StringArrayInput, usages ...string) *apiextensions.CustomResourceArgs {
	meta := labels.Meta(secret, namespace)
	meta.Annotations = pulumi.StringMap{"pulumi.com/waitFor": pulumi.String("condition=Ready")}
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String(certManager + "/v1"), Kind: pulumi.String("Certificate"), Metadata: meta,
		OtherFields: kubernetes.UntypedArgs{"spec": object{
			"secretName":  secret,
			"duration":    fmt.Sprintf("%dh0m0s", t.Issuer.DurationHours),
			"renewBefore": fmt.Sprintf("%dh0m0s", t.Issuer.DurationHours/3),
			"privateKey":  object{"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
			"usages":      append([]string{"digital signature", "key encipherment", "server auth"}, usages...),
			"dnsNames":    names,
			"issuerRef":   object{"name": t.Issuer.Name, "kind": t.Issuer.Kind, "group": certManager},
		}},
	}
}
