package tunnel

import (
	"cmp"
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
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
	hint, err := component.Hint(e.ctx, e.name+"-tunnel-exists", nameTaken)
	if err != nil {
		return nil, err
	}
	made, err := cloudflare.NewZeroTrustTunnelCloudflared(e.ctx, e.name+"-tunnel", &cloudflare.ZeroTrustTunnelCloudflaredArgs{
		AccountId: e.args.AccountID.ToStringOutput(),
		Name:      pulumi.String(cmp.Or(e.args.Name, e.name)),
		Secret:    pulumi.ToSecret(password.Base64).(pulumi.StringOutput),
		ConfigSrc: pulumi.String("cloudflare"),
	}, e.parent, hint)
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

// nameTaken explains what to do about a tunnel of a lost state, or returns "" for another
// failure. Its password is lost with the state, so that an import would end in a
// replacement, which Cloudflare refuses for the name.
func nameTaken(failed *pulumi.ErrorHookArgs) string {
	if failed.FailedOperation != "create" || len(failed.Errors) == 0 || !taken.MatchString(failed.Errors[0]) {
		return ""
	}
	return "the account has a tunnel of this name already. If it is this stack's, of a state that was lost, delete it and run pulumi up again; " +
		"it holds no data, and its connectors end with it:\n" +
		"    cloudflared tunnel delete --force <name>      # or in the dashboard, Networks, Tunnels\n" +
		"If it is another stack's: give this one another tunnel.name."
}

// taken matches Cloudflare's error 1013, the name of another tunnel.
var taken = regexp.MustCompile(`(?i)already have a tunnel with this name|\(1013\)`)

// record leads the host name to the tunnel, through the edge.
func (e *edge) record(target pulumi.StringOutput, after pulumi.Resource) (host pulumi.StringOutput, err error) {
	adoptable, err := component.Adoptable(e.ctx, e.name, "record", "%s/<record id>")
	if err != nil {
		return host, err
	}
	made, err := cloudflare.NewRecord(e.ctx, e.name+"-record", &cloudflare.RecordArgs{
		ZoneId:  e.args.ZoneID.ToStringOutput(),
		Name:    e.args.Host.ToStringOutput(),
		Type:    pulumi.String("CNAME"),
		Content: target,
		Proxied: pulumi.Bool(true),
	}, e.parent, adoptable, pulumi.DependsOn([]pulumi.Resource{after}))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("record: %w", err)
	}
	return made.Name, nil
}
