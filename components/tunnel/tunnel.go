package tunnel

import (
	"errors"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/internal/settings"
)

const (
	// edgePort is where the edge takes tunnels, by HTTP/2 on TCP: QUIC would need UDP.
	edgePort = 7844
	// metricsPort has the probes too.
	metricsPort = 2000
	tokenKey    = "token"
	tokenFolder = "/etc/cloudflared"
)

// Tunnel is a Cloudflare Tunnel with its DNS record and its connectors.
type Tunnel struct {
	pulumi.ResourceState

	// Host leads to the service. It is known once the connectors run.
	Host pulumi.StringOutput `pulumi:"host"`
	// ID of the tunnel. Other languages have it as tunnelId.
	ID pulumi.IDOutput `pulumi:"tunnelId"`
}

// Peers are the connectors of the component with this name, for the network policy of
// the service that they lead to.
func Peers(name string) []k8s.Peer { return []k8s.Peer{{Pods: service.PodLabels(name)}} }

// New registers one tunnel. The name becomes the name of its objects.
// The options need providers of Kubernetes, Cloudflare and random.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Tunnel, error) {
	a := settings.WithDefaults(args)
	a.Namespace = kube.Namespace(a.Namespace)
	if err := errors.Join(settings.Err(service.CheckName(field.NewPath("name"), name)), args.Validate()); err != nil {
		return nil, err
	}
	t := &Tunnel{}
	if err := ctx.RegisterComponentResource("scalestack:tunnel:Tunnel", name, t, opts...); err != nil {
		return nil, err
	}
	edge := &edge{ctx: ctx, name: name, args: a, parent: pulumi.Parent(t)}
	made, err := edge.tunnel()
	if err != nil {
		return nil, err
	}
	token, err := corev1.NewSecret(ctx, name+"-token", tokenArgs(name, a, made.TunnelToken), pulumi.Parent(t))
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	connectors, err := service.New(ctx, name, connectorArgs(a, token.Metadata.Name().Elem(), made.TunnelToken), pulumi.Parent(t))
	if err != nil {
		return nil, fmt.Errorf("cloudflared: %w", err)
	}
	// The name leads nowhere before that.
	record, err := edge.record(made.Cname, connectors.Deployment())
	if err != nil {
		return nil, err
	}
	t.Host, t.ID = record, made.ID()
	return t, ctx.RegisterResourceOutputs(t, component.Outputs(t))
}

func tokenArgs(name string, a *Args, token pulumi.StringOutput) *corev1.SecretArgs {
	labels := kube.Labels{Name: name, Instance: name}
	return &corev1.SecretArgs{
		Metadata:   labels.Meta(name+"-token", a.Namespace),
		Type:       pulumi.String("Opaque"),
		StringData: pulumi.StringMap{tokenKey: token},
	}
}

// connectorArgs run cloudflared. Its rules come from Cloudflare, so that it takes a
// change of them without a restart; the token it reads once.
func connectorArgs(a *Args, secret pulumi.StringOutput, token pulumi.StringOutput) *service.Args {
	var egress []k8s.Target
	if a.Origin.Pods != nil {
		egress = append(egress, k8s.Target{Peer: k8s.Peer{Pods: a.Origin.Pods}, Port: a.Origin.Port})
	}
	for _, cidr := range a.EdgeRanges {
		egress = append(egress, k8s.Target{Peer: k8s.Peer{CIDR: pulumi.String(cidr)}, Port: edgePort})
	}
	return &service.Args{
		Namespace: a.Namespace, Image: a.Image, ImagePullPolicy: a.ImagePullPolicy, PullSecret: a.PullSecret, Resolvers: a.Resolvers,
		Args: []string{
			"tunnel", "--no-autoupdate", "--protocol", "http2", "--metrics", fmt.Sprintf("0.0.0.0:%d", metricsPort),
			"run", "--token-file", tokenFolder + "/" + tokenKey,
		},
		MetricsPort: metricsPort, MetricsFrom: a.MetricsFrom,
		// Ready with a connection to the edge; alive without one, since a restart would not
		// bring the network back.
		Probes:    service.Probes{Readiness: "/ready", Liveness: "/healthcheck"},
		Mounts:    []k8s.Mount{{Name: tokenKey, Path: tokenFolder, Secret: secret}},
		Replicas:  service.Replicas{Min: a.Replicas, Max: a.Replicas},
		Resources: a.Resources,
		EgressTo:  egress,
		Opened:    a.Opened,
		RestartOn: []pulumi.StringInput{token},
	}
}
