package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/tunnel"
)

// tunnelName is that of the component and of its objects.
const tunnelName = "cloudflared"

// Tunnel is a Cloudflare Tunnel to one of the services.
type Tunnel struct {
	tunnel.Args
	// Enabled creates the tunnel.
	Enabled bool `json:"enabled"`
	// Service that the host leads to, by its key.
	Service string `json:"service" required:"true"`
}

// checkTunnel refuses a tunnel to a service that cannot be called, and two records of
// one name.
func (c *Config) checkTunnel() field.ErrorList {
	if c.Tunnel == nil {
		return nil
	}
	path := sectionPath("tunnel")
	var errs field.ErrorList
	s, known := c.Services[c.Tunnel.Service]
	switch {
	case !known:
		errs = append(errs, field.NotFound(path.Child("service"), c.Tunnel.Service))
	case s.Port == 0:
		errs = append(errs, field.Invalid(path.Child("service"), c.Tunnel.Service, "must be a service with a port"))
	case s.AllowEdge:
		errs = append(errs, field.Forbidden(servicePath(c.Tunnel.Service).Child("allowEdge"), "is not needed with a tunnel, and opens the service to addresses outside the cluster"))
	}
	return append(errs, c.checkRecord(path.Child("host"), c.Tunnel.Host, c.Tunnel.ZoneID)...)
}

// tunnel registers the tunnel behind the service that it leads to.
func (d *deployment) tunnel() error {
	if d.Tunnel == nil {
		return nil
	}
	args := d.Tunnel.Args
	args.Namespace, args.Name = d.wired.namespace, d.shardsName
	args.PullSecret, args.Resolvers, args.MetricsFrom = d.Kubernetes.PullSecret, d.Kubernetes.Resolvers, d.Metrics.Scrapers
	args.Origin = tunnel.Origin{URL: d.routedTo(d.urls[d.Tunnel.Service], d.Tunnel.Service, tunnelName)}
	args.Opened = d.wired.opened.of(tunnelName)
	made, err := tunnel.New(d.ctx, tunnelName, &args, d.on, pulumi.Providers(d.cloudflare))
	if err != nil {
		return err
	}
	d.outputs["tunnelHost"] = made.Host
	return nil
}

// reserved returns the prefixes of the names of the stack's own components.
func (c *Config) reserved() []string {
	names := []string{postgresName, redisName, kafkaName, "shards"}
	if c.Tunnel != nil {
		names = append(names, tunnelName)
	}
	if c.Gateway != nil {
		names = append(names, gatewayName)
	}
	return names
}
