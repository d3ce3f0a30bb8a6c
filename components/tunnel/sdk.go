package tunnel

import (
	"cmp"
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// secretBytes of the tunnel's password; Cloudflare demands 32 at least.
const secretBytes = 32

// edge registers what Cloudflare has of the tunnel. This file alone knows the SDK.
type edge struct {
	ctx    *pulumi.Context
	name   string
	args   *Args
	parent pulumi.ResourceOption
}

// tunnel makes the tunnel and its rules, which are kept at Cloudflare. The last rule
// answers what no other one is for: nothing else of the cluster is reached.
func (e *edge) tunnel() (*cloudflare.ZeroTrustTunnelCloudflared, error) {
	password, err := random.NewRandomBytes(e.ctx, e.name+"-password", &random.RandomBytesArgs{Length: pulumi.Int(secretBytes)}, e.parent)
	if err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	made, err := cloudflare.NewZeroTrustTunnelCloudflared(e.ctx, e.name+"-tunnel", &cloudflare.ZeroTrustTunnelCloudflaredArgs{
		AccountId: e.args.AccountID.ToStringOutput(),
		Name:      pulumi.String(cmp.Or(e.args.Name, e.name)),
		Secret:    pulumi.ToSecret(password.Base64).(pulumi.StringOutput),
		ConfigSrc: pulumi.String("cloudflare"),
	}, e.parent)
	if err != nil {
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	_, err = cloudflare.NewZeroTrustTunnelCloudflaredConfig(e.ctx, e.name+"-rules", &cloudflare.ZeroTrustTunnelCloudflaredConfigArgs{
		AccountId: e.args.AccountID.ToStringOutput(),
		TunnelId:  made.ID().ToStringOutput(),
		Config: &cloudflare.ZeroTrustTunnelCloudflaredConfigConfigArgs{
			IngressRules: cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressRuleArray{
				&cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressRuleArgs{
					Hostname: e.args.Host.ToStringOutput(), Service: e.args.Origin.URL.ToStringOutput(),
				},
				&cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressRuleArgs{Service: pulumi.String("http_status:404")},
			},
		},
	}, e.parent)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return made, nil
}

// record leads the host name to the tunnel, through the edge.
func (e *edge) record(target pulumi.StringOutput, after pulumi.Resource) (host pulumi.StringOutput, err error) {
	made, err := cloudflare.NewRecord(e.ctx, e.name+"-record", &cloudflare.RecordArgs{
		ZoneId:  e.args.ZoneID.ToStringOutput(),
		Name:    e.args.Host.ToStringOutput(),
		Type:    pulumi.String("CNAME"),
		Content: target,
		Proxied: pulumi.Bool(true),
	}, e.parent, pulumi.DependsOn([]pulumi.Resource{after}))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("record: %w", err)
	}
	return made.Name, nil
}
