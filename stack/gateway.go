package stack

import (
	"cmp"
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/gateway"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/secrets"
	"github.com/scalestack/scalestack/internal/settings"
)

// gatewayName is that of the component and of its objects.
const gatewayName = "gateway"

// Gateway is one of the services at a gateway of the cluster.
type Gateway struct {
	gateway.Args
	// Enabled makes the route.
	Enabled bool `json:"enabled" pulumi:"enabled,optional"`
	// Service that the host leads to, by its key.
	Service string `json:"service" pulumi:"service" required:"true"`
	// From lists the gateway's pods, or the addresses that it connects from. They may
	// connect to the service's port; anybody else needs an entry in the service's
	// ingressFrom.
	From []k8s.Peer `json:"from" pulumi:"from" required:"true"`
}

// routed reports whether a tunnel or a gateway leads to the service with this key.
func (c *Config) routed(key string) bool {
	return c.Tunnel != nil && c.Tunnel.Service == key || c.Gateway != nil && c.Gateway.Service == key
}

func (g *Gateway) hasRecord() bool { return g != nil && g.Record != nil }

// certificate is the name of the Secret with that of an own Gateway; "" where
// somebody else makes it.
func (g *Gateway) certificate() string {
	if g == nil || g.Own == nil || g.Own.Issuer != "" {
		return ""
	}
	name, _ := settings.String(g.Own.Secret)
	return name
}

// issued is the name of the Secret that cert-manager makes for an own Gateway; "" where it
// makes none.
func (g *Gateway) issued() string {
	if g == nil || g.Own == nil || g.Own.Issuer == "" {
		return ""
	}
	name, _ := settings.String(g.Own.Secret)
	return cmp.Or(name, gatewayName+"-tls")
}

// checkGateway refuses a route to a service that cannot be called, a certificate that
// nobody makes, and two records of one name.
func (c *Config) checkGateway() field.ErrorList {
	if c.Gateway == nil {
		return nil
	}
	path := sectionPath("gateway")
	errs := append(c.checkGatewayService(path.Child("service")), c.checkCertificate(path.Child("own", "secret"))...)
	host, _ := settings.String(c.Gateway.Host)
	if c.Tunnel != nil {
		if other, given := settings.String(c.Tunnel.Host); given && other == host {
			errs = append(errs, field.Invalid(path.Child("host"), host, "is the tunnel's host: one name leads to a tunnel or to a gateway"))
		}
	}
	if c.Gateway.Record == nil {
		return errs
	}
	errs = append(errs, c.checkRecord(path.Child("host"), c.Gateway.Host, c.Gateway.Record.ZoneID)...)
	if c.renders() && c.Gateway.Record.Target == nil {
		errs = append(errs, field.Required(path.Child("record", "target"), "the gateway's address: kubernetes.renderTo asks no cluster for it"))
	}
	return errs
}

func (c *Config) checkGatewayService(path *field.Path) field.ErrorList {
	key := c.Gateway.Service
	switch s, known := c.Services[key]; {
	case key == "":
		return nil // reported by its tag
	case !known:
		return field.ErrorList{field.NotFound(path, key)}
	case s.Port == 0:
		return field.ErrorList{field.Invalid(path, key, "must be a service with a port")}
	case s.AllowEdge:
		return field.ErrorList{field.Forbidden(servicePath(key).Child("allowEdge"),
			"is not needed with a gateway, and opens the service to addresses outside the cluster")}
	}
	return nil
}

// checkCertificate refuses a Secret that nobody makes, and one that is no certificate.
func (c *Config) checkCertificate(path *field.Path) field.ErrorList {
	name := c.Gateway.certificate()
	if name == "" {
		return nil
	}
	return c.checkUse(secretUse{path, name, []string{secrets.CertificateKey, secrets.PrivateKey}})
}

// gateway registers the route behind the service that it leads to.
func (d *deployment) gateway() error {
	if d.Gateway == nil {
		return nil
	}
	s := d.Services[d.Gateway.Service]
	args := d.Gateway.Args
	args.Namespace = d.wired.namespace
	args.Origin = gateway.Origin{Service: d.routedTo(pulumi.String(s.Name), d.Gateway.Service, gatewayName), ServicePort: s.ServicePort}
	args.Status = d.status
	args.After = d.wired.secretsNamed(d.Gateway.certificate())
	opts := []pulumi.ResourceOption{d.on}
	if d.Gateway.hasRecord() {
		opts = append(opts, pulumi.Providers(d.cloudflare))
	}
	made, err := gateway.New(d.ctx, gatewayName, &args, opts...)
	if err != nil {
		return err
	}
	d.outputs["gatewayHost"] = made.Host
	return nil
}

// look asks the cluster that is deployed to for an object.
func (d *deployment) look(ctx context.Context, apiVersion, resource, namespace, name string) (map[string]any, error) {
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	there, err := d.reach(ctx)
	if err != nil {
		return nil, err
	}
	return there.Get(ctx, version.WithResource(resource), namespace, name)
}

// names asks the cluster that is deployed to for the objects of a kind in the stack's
// namespace.
func (d *deployment) names(apiVersion, resource string) ([]string, error) {
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	there, err := d.reach(d.ctx.Context())
	if err != nil {
		return nil, err
	}
	found, err := there.Metadata(d.ctx.Context(), version.WithResource(resource), d.Namespace)
	var names []string
	for _, one := range found {
		names = append(names, one.Name)
	}
	return names, err
}

// status asks the cluster that is deployed to.
func (d *deployment) status(ctx context.Context, resource, namespace, name string) (map[string]any, error) {
	there, err := d.reach(ctx)
	if err != nil {
		return nil, err
	}
	return there.Status(ctx, schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: resource}, namespace, name)
}
