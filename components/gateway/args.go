// Package gateway connects a host name to a service through a gateway of the cluster,
// with the Gateway API (gateway.networking.k8s.io/v1): an HTTPRoute that is attached to
// somebody else's Gateway, or to one that the component creates.
//
// One component named "gateway" creates the following, all named "gateway":
//
//   - an HTTPRoute for one host name and one Service. A deployment waits until the gateway
//     has accepted its current version, and fails with the gateway's reason if it does not.
//   - with Args.Own, a Gateway with one HTTPS listener for that name, to which routes of
//     the same namespace may attach
//   - with Own.RedirectPort, a listener without TLS and an HTTPRoute on it that redirects
//     everybody to https and leads nowhere else
//   - with Args.Record, a proxied DNS record at Cloudflare, once the route is accepted
package gateway

import (
	"context"
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
)

// Args describe one host name at a gateway. A zero field means its default.
type Args struct {
	// Namespace of all objects, and of the service. Default: "scalestack".
	Namespace pulumi.StringInput `json:"-" pulumi:"namespace,optional"`

	// Host is the full host name that leads to the service, such as www.example.com.
	Host pulumi.StringInput `json:"host" pulumi:"host" required:"true" format:"host"`

	// Parent is a Gateway that somebody else runs. Set exactly one of parent and own.
	Parent *Parent `json:"parent" pulumi:"parent,optional"`

	// Own is a Gateway for this host alone, which the component makes.
	Own *Own `json:"own" pulumi:"own,optional"`

	// Record is the host's DNS record at Cloudflare. Default: somebody else makes it.
	Record *Record `json:"record" pulumi:"record,optional"`

	// TimeoutSeconds is how long a deployment waits for the gateway to accept the Gateway
	// object, and then the route. A gateway that first creates a load balancer or a
	// certificate may need minutes.
	TimeoutSeconds int `json:"timeoutSeconds" pulumi:"timeoutSeconds,optional" default:"120" min:"5" max:"3600"`

	// Origin is the service.
	Origin Origin `json:"-" pulumi:"origin"`

	// Status asks the cluster for an object's status, to report why the gateway does
	// not accept it. Default: the error names the command that shows it.
	Status StatusFunc `json:"-"`

	// After lists what the Gateway and the route depend on, such as the Secret of Own.
	After []pulumi.Resource `json:"-"`
}

// StatusFunc returns the field status of an object of gateway.networking.k8s.io/v1,
// identified by the plural of its kind in lower case, its namespace and its name.
type StatusFunc func(ctx context.Context, resource, namespace, name string) (map[string]any, error)

// Parent is one listener of a Gateway that somebody else runs. It must allow routes of
// the service's namespace (allowedRoutes).
type Parent struct {
	// Name of the Gateway.
	Name string `json:"name" pulumi:"name" required:"true"`
	// Namespace of the Gateway.
	Namespace string `json:"namespace" pulumi:"namespace" required:"true" format:"label"`
	// Listener is the name of the HTTPS listener (sectionName). Without it the route would
	// attach to every listener, including plain HTTP.
	Listener string `json:"listener" pulumi:"listener" required:"true"`
}

// Own is a Gateway that the component makes in Args.Namespace, and whose controller
// runs its pods somewhere else.
type Own struct {
	// Class is the name of a GatewayClass of the cluster. A Gateway can change its class,
	// but most controllers then give it another address.
	Class string `json:"class" pulumi:"class" required:"true"`
	// Secret in the component's namespace with the certificate: type kubernetes.io/tls,
	// keys tls.crt and tls.key. Required without issuer. Default with issuer: the
	// component's name followed by "-tls".
	Secret pulumi.StringInput `json:"secret" pulumi:"secret,optional" format:"label"`
	// Issuer is a ClusterIssuer of cert-manager that keeps the certificate in Secret up to
	// date. It must be set up for Gateways. Default: none.
	Issuer string `json:"issuer" pulumi:"issuer,optional" format:"host"`
	// Port of the HTTPS listener. Some gateways serve fixed ports only: Traefik's listeners
	// have the port of one of its entry points.
	Port int `json:"port" pulumi:"port,optional" default:"443" min:"1" max:"65535"`
	// RedirectPort is a port without TLS that answers every request with 301 to https.
	// Default: 0, no such port.
	RedirectPort int `json:"redirectPort" pulumi:"redirectPort,optional" min:"0" max:"65535"`
}

// Record is a proxied DNS record at Cloudflare: A, AAAA or CNAME, as its target is.
type Record struct {
	// ZoneID identifies the zone that the host is in: 32 hexadecimal digits in lower case.
	ZoneID pulumi.StringInput `json:"zoneId" pulumi:"zoneId" required:"true"`
	// Target is the gateway's address or host name. Required with parent. Default with own:
	// an address in the Gateway's status, public ones first, and IPv4 before IPv6.
	Target pulumi.StringInput `json:"target" pulumi:"target,optional" format:"host"`
}

// Origin is what the host leads to.
type Origin struct {
	// Service is the name of a Service in Args.Namespace.
	Service pulumi.StringInput `pulumi:"service"`
	// ServicePort is its HTTP port, between 1 and 65535.
	ServicePort int `pulumi:"servicePort"`
}

// withName returns a copy with the defaults that depend on the component's name.
func (a *Args) withName(name string) *Args {
	c := *a
	c.Namespace = kube.Namespace(a.Namespace)
	if a.Own != nil && a.Own.Issuer != "" && !kube.Given(a.Own.Secret) {
		own := *a.Own
		own.Secret = pulumi.String(name + "-tls")
		c.Own = &own
	}
	return &c
}

// parent is where the route is attached: Gateway, its namespace and the listener.
func (a *Args) parent(name string) (gateway string, namespace pulumi.StringInput, listener string) {
	if a.Parent != nil {
		return a.Parent.Name, pulumi.String(a.Parent.Namespace), a.Parent.Listener
	}
	return name, a.Namespace, listenerName
}

// address is one of a Gateway's addresses that a DNS record can have as its content.
type address struct{ kind, content string }

// recordOf is the record for an address or a host name.
func recordOf(target string) address {
	ip, err := netip.ParseAddr(target)
	switch {
	case err != nil:
		return address{"CNAME", target}
	case ip.Is4():
		return address{"A", target}
	}
	return address{"AAAA", target}
}

// best prefers IPv4 to IPv6 and both to a host name, whatever the order in the status, and
// anything to an address of the cluster's own network.
func best(status map[string]any) (target string) {
	for _, one := range items(status["addresses"]) {
		value, _ := one["value"].(string)
		if value != "" && rank(value) > rank(target) || target == "" {
			target = value
		}
	}
	return target
}

func rank(target string) int {
	if ip, err := netip.ParseAddr(target); err == nil && !component.Public(ip) {
		return 0
	}
	return map[string]int{"A": 3, "AAAA": 2, "CNAME": 1}[recordOf(target).kind]
}

// items are the objects of a list of a status.
func items(list any) (all []map[string]any) {
	values, _ := list.([]any)
	for _, value := range values {
		if one, ok := value.(map[string]any); ok {
			all = append(all, one)
		}
	}
	return all
}
