package postgres

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// certManager is the group of cert-manager's objects.
const certManager = "cert-manager.io"

// certificate registers the Certificate of cert-manager, if that is where it comes from.
func (r *registrar) certificate() ([]pulumi.Resource, error) {
	if r.args.TLS.Issuer == nil {
		return nil, nil
	}
	made, err := apiextensions.NewCustomResource(r.ctx, r.name+"-certificate", certificate(r.name, r.args), r.parent)
	return []pulumi.Resource{made}, err
}

// certificate is one for all shards. A new shard is one more name, for which cert-manager
// issues a new certificate. The key changes with each, so that one that leaked ends.
func certificate(component string, a *Args) *apiextensions.CustomResourceArgs {
	secret := TLSSecret(component, a.TLS)
	meta := componentLabels(component).Meta(secret, a.Namespace)
	meta.Annotations = pulumi.StringMap{"pulumi.com/waitFor": pulumi.String("condition=Ready")}
	hours := a.TLS.Issuer.DurationHours
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String(certManager + "/v1"), Kind: pulumi.String("Certificate"), Metadata: meta,
		OtherFields: kubernetes.UntypedArgs{"spec": object{
			"secretName":  secret,
			"duration":    fmt.Sprintf("%dh0m0s", hours),
			"renewBefore": fmt.Sprintf("%dh0m0s", hours/3),
			"privateKey":  object{"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
			"usages":      []string{"digital signature", "key encipherment", "server auth"},
			"dnsNames":    certificateNames(component, a),
			"issuerRef":   object{"name": a.TLS.Issuer.Name, "kind": a.TLS.Issuer.Kind, "group": certManager},
		}},
	}
}

// certificateNames are what the servers ask for, and the Services' short names, which
// scrapers give to the exporter.
func certificateNames(component string, a *Args) pulumi.StringArrayOutput {
	var names []any
	for _, id := range a.Shards {
		for member := range a.Members {
			p := plan{Args: a, component: component, id: id, member: member}
			names = append(names, pulumi.Sprintf("%s %s", p.object(), p.shardNames()))
		}
	}
	return pulumi.All(names...).ApplyT(func(values []any) []string {
		var all []string
		known := map[string]bool{}
		for _, value := range values {
			for _, name := range strings.Fields(value.(string)) {
				if !known[name] {
					all, known[name] = append(all, name), true
				}
			}
		}
		return all
	}).(pulumi.StringArrayOutput)
}
