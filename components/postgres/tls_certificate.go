package postgres

import (
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// certificate registers the Certificate of cert-manager, if that is where it comes from.
func (r *registrar) certificate() ([]pulumi.Resource, error) {
	if r.args.TLS.Issuer == nil {
		return nil, nil
	}
	made, err := apiextensions.NewCustomResource(r.ctx, r.name+"-certificate", certificate(r.name, r.args), r.parent)
	return []pulumi.Resource{made}, err
}

// certificate is one for all shards. A new shard is one more name.
func certificate(component string, a *Args) *apiextensions.CustomResourceArgs {
	return kube.Certificate(componentLabels(component), a.TLS.SecretOf(component), a.Namespace, &a.TLS.TLS, certificateNames(component, a), clientUsages(a)...)
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
