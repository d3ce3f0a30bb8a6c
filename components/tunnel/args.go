// Package tunnel connects a host name to a service inside the cluster with a Cloudflare
// Tunnel. cloudflared connects from the cluster to the edge, so the cluster needs no
// open port, no load balancer and no address that could be attacked around the edge.
package tunnel

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Args describe one tunnel. A zero field means its default.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput `json:"-" pulumi:"namespace,optional"`

	// Name of the tunnel at Cloudflare, which an account has once. It never changes:
	// another one is another tunnel. Default: the component's.
	Name string `json:"-" pulumi:"name,optional"`

	// AccountID identifies Cloudflare's account: 32 hexadecimal digits in lower case.
	AccountID pulumi.StringInput `json:"accountId" pulumi:"accountId" required:"true"`

	// ZoneID identifies the zone that Host is in: 32 hexadecimal digits in lower case.
	ZoneID pulumi.StringInput `json:"zoneId" pulumi:"zoneId" required:"true"`

	// Host is the full host name that leads to the service, such as www.example.com. The
	// tunnel creates its DNS record. Requests for other names get 404.
	Host pulumi.StringInput `json:"host" pulumi:"host" required:"true" format:"host"`

	// Origin is the service.
	Origin Origin `json:"-" pulumi:"origin"`

	// Image of cloudflared, 2025.4.0 or newer, with a tag or a digest.
	Image pulumi.StringInput `json:"image" pulumi:"image,optional" default:"cloudflare/cloudflared:2025.4.0" format:"image"`

	// ImagePullPolicy says when nodes fetch the image.
	ImagePullPolicy pulumi.StringInput `json:"imagePullPolicy" pulumi:"imagePullPolicy,optional" default:"IfNotPresent" enum:"IfNotPresent,Always,Never"`

	// PullSecret is the Secret in Namespace with which nodes pull the image. Default:
	// none.
	PullSecret string `json:"-" pulumi:"pullSecret,optional" format:"label"`

	// Resolvers are the cluster's DNS servers, the only ones that the pods may ask, on port 53.
	// Default: any.
	Resolvers []k8s.Peer `json:"-" pulumi:"resolvers,optional"`

	// Replicas of cloudflared, each with four connections to two data centers. A tunnel
	// takes 25 at most. Their number does not follow the load, because stopping one cuts
	// off its requests.
	Replicas int `json:"replicas" pulumi:"replicas,optional" default:"2" min:"2" max:"25"`

	// Resources of each pod.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional" default:"{\"cpuRequest\":\"50m\",\"cpuLimit\":\"1\",\"memory\":\"128Mi\"}"`

	// EdgeRanges are the addresses to which cloudflared connects, on TCP port 7844.
	// Default: those that Cloudflare publishes for firewalls, region1 and region2 of
	// argotunnel.com.
	EdgeRanges []string `json:"edgeRanges" pulumi:"edgeRanges,optional" default:"[\"198.41.192.0/24\",\"198.41.200.0/24\"]" format:"cidr"`

	// Opened are policies of others that let the connectors reach the service.
	Opened []pulumi.Resource `json:"-"`

	// MetricsFrom may read cloudflared's metrics. Default: nobody.
	MetricsFrom []k8s.Peer `json:"-" pulumi:"metricsFrom,optional"`
}

// Origin is what a tunnel leads to.
type Origin struct {
	// URL inside the cluster, such as http://app.scalestack.svc.cluster.local:80.
	URL pulumi.StringInput `pulumi:"url"`
	// Pods are the labels of the pods behind it, for the connectors' network policy. A
	// program with a policy of its own from the connectors' pods to the service's leaves out
	// Pods and Port, and has it in Args.Opened.
	Pods pulumi.StringMapInput `pulumi:"pods"`
	// Port where those pods listen, between 1 and 65535.
	Port int `pulumi:"port"`
}

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil.
func (a *Args) Validate() error {
	d := settings.WithDefaults(a)
	return settings.Err(append(d.checkOrigin(field.NewPath("origin")), settings.Validate(nil, d)...))
}

// Check refuses identifiers of another form. That of a zone beside that of its account
// is a common mistake, which only Cloudflare can see. A host that is only a part of its name
// would get a record, and 404 from the tunnel's rules.
func (a *Args) Check(path *field.Path) field.ErrorList {
	return slices.Concat(component.CheckIdentifier(path.Child("accountId"), a.AccountID), component.CheckIdentifier(path.Child("zoneId"), a.ZoneID),
		component.CheckHost(path.Child("host"), a.Host))
}

// checkOrigin refuses a tunnel to nowhere, in a program that uses the component alone.
func (a *Args) checkOrigin(path *field.Path) field.ErrorList {
	o := a.Origin
	opened := len(a.Opened) > 0 && o.Pods == nil && o.Port == 0
	if o.URL == nil || !opened && (o.Pods == nil || o.Port < 1 || o.Port > 65535) {
		return field.ErrorList{field.Required(path, "a URL, the labels of the pods behind it, and their port")}
	}
	return nil
}
