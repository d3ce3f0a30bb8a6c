package main

import (
	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// published is the service that the name leads to, by the name of its objects.
const published = "app"

// publish leads the environment's name to the cluster's ingress, and from there to the
// service.
func (p *preview) publish(ctx *pulumi.Context) error {
	cluster, err := kubernetes.NewProvider(ctx, "kubernetes", &kubernetes.ProviderArgs{Context: pulumi.String(p.context)})
	if err != nil {
		return err
	}
	if _, err := networkingv1.NewIngress(ctx, "ingress", p.ingress(), pulumi.Provider(cluster)); err != nil {
		return err
	}
	_, err = cloudflare.NewRecord(ctx, "name", &cloudflare.RecordArgs{
		ZoneId:  pulumi.String(p.zone),
		Name:    pulumi.String(p.host()),
		Type:    pulumi.String("CNAME"),
		Content: pulumi.String(p.target),
		Proxied: pulumi.Bool(true),
	})
	return err
}

func (p *preview) ingress() *networkingv1.IngressArgs {
	backend := &networkingv1.IngressBackendArgs{Service: &networkingv1.IngressServiceBackendArgs{
		Name: pulumi.String(published), Port: &networkingv1.ServiceBackendPortArgs{Number: pulumi.Int(80)},
	}}
	return &networkingv1.IngressArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Name: pulumi.String(p.name), Namespace: pulumi.String(p.name),
			// An ingress without a controller never gets an address.
			Annotations: pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")},
		},
		Spec: &networkingv1.IngressSpecArgs{
			IngressClassName: pulumi.String(p.class),
			Rules: networkingv1.IngressRuleArray{&networkingv1.IngressRuleArgs{
				Host: pulumi.String(p.host()),
				Http: &networkingv1.HTTPIngressRuleValueArgs{Paths: networkingv1.HTTPIngressPathArray{
					&networkingv1.HTTPIngressPathArgs{Path: pulumi.String("/"), PathType: pulumi.String("Prefix"), Backend: backend},
				}},
			}},
		},
	}
}
