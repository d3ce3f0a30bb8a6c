package gateway

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
)

// record leads the host name to the gateway, through the edge. This file alone knows
// Cloudflare's SDK.
func (r *registrar) record(target pulumi.StringOutput, after pulumi.Resource) (host pulumi.StringOutput, err error) {
	adoptable, err := component.Adoptable(r.ctx, r.name, "record", "%s/<record id>")
	if err != nil {
		return host, err
	}
	made, err := cloudflare.NewRecord(r.ctx, r.name+"-record", &cloudflare.RecordArgs{
		ZoneId:  r.args.Record.ZoneID.ToStringOutput(),
		Name:    r.args.Host.ToStringOutput(),
		Type:    target.ApplyT(func(target string) string { return recordOf(target).kind }).(pulumi.StringOutput),
		Content: target,
		Proxied: pulumi.Bool(true),
	}, r.parent, adoptable, pulumi.DependsOn([]pulumi.Resource{after}))
	if err != nil {
		return host, fmt.Errorf("record: %w", err)
	}
	return made.Name, nil
}
