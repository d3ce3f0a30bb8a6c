package cdn

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
)

// cloudflareZone registers resources of one Cloudflare zone. Only the files sdk*.go
// know the provider's SDK.
type cloudflareZone struct {
	ctx    *pulumi.Context
	name   string
	id     pulumi.StringInput
	common pulumi.ResourceOption
	// rulesets that were registered.
	rulesets []pulumi.Resource
}

// newZone makes every resource a child of parent, and replaces it if the zone changes.
// Otherwise the provider would look for the old zone's ruleset in the new one for ever,
// and leave Argo on, and billed, in the old one. It replaces the other resources by
// itself.
func newZone(ctx *pulumi.Context, name string, id pulumi.StringInput, parent pulumi.Resource) *cloudflareZone {
	return &cloudflareZone{ctx: ctx, name: name, id: id,
		common: pulumi.Composite(pulumi.Parent(parent), pulumi.ReplaceOnChanges([]string{"zoneId"}))}
}

// afterRulesets makes everything registered from now on come after the rulesets: for a
// zone that another stack manages, Cloudflare refuses rulesets but accepts everything
// else.
func (z *cloudflareZone) afterRulesets() {
	z.common = pulumi.Composite(z.common, pulumi.DependsOn(z.rulesets))
}

// settings sets the cache level that the dashboard calls Standard and the API
// aggressive. The provider reads many settings to set two, and fails if one cannot be
// read (terraform-provider-cloudflare#5818). A failed create leaves a state without the
// initial settings, which every later diff wants to add and no update can. Recreating
// the resource fixes that, and deletes nothing in the zone.
func (z *cloudflareZone) settings(browserTTL int) error {
	written, err := z.written()
	if err != nil {
		return err
	}
	_, err = cloudflare.NewZoneSettingsOverride(z.ctx, z.name+"-zone-settings", &cloudflare.ZoneSettingsOverrideArgs{
		ZoneId: z.id,
		Settings: &cloudflare.ZoneSettingsOverrideSettingsArgs{
			CacheLevel:      pulumi.String("aggressive"),
			BrowserCacheTtl: pulumi.Int(browserTTL),
		},
	}, z.common, stays(), written,
		pulumi.ReplaceOnChanges([]string{"initialSettings"}))
	return wrap("zone settings", err)
}

// written says which settings the provider left out when it made the override.
func (z *cloudflareZone) written() (pulumi.ResourceOption, error) {
	hook, err := z.ctx.RegisterResourceHook(z.name+"-zone-settings-written", func(made *pulumi.ResourceHookArgs) error {
		if hint := unwritten(made.NewInputs, made.NewOutputs); hint != "" {
			return z.ctx.Log.Warn(hint, nil)
		}
		return nil
	}, nil)
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{AfterCreate: []*pulumi.ResourceHook{hook}}), err
}

func (z *cloudflareZone) tieredCache() error {
	_, err := cloudflare.NewTieredCache(z.ctx, z.name+"-tiered-cache", &cloudflare.TieredCacheArgs{
		ZoneId: z.id, CacheType: pulumi.String("smart"),
	}, z.common, stays())
	return wrap("tiered cache", err)
}

// argo registers Argo even if it is off: the provider's delete would turn tiered
// caching off with it, unnoticed until a refresh. Once Argo is off, nothing is left to
// delete. Argo that is on is not retained, because it costs money.
func (z *cloudflareZone) argo(on bool) error {
	state := "off"
	if on {
		state = "on"
	}
	_, err := cloudflare.NewArgo(z.ctx, z.name+"-argo", &cloudflare.ArgoArgs{
		ZoneId: z.id, SmartRouting: pulumi.String(state),
	}, z.common, pulumi.RetainOnDelete(!on))
	return wrap("argo", err)
}

func (z *cloudflareZone) record(r *Record) error {
	adoptable, err := z.adoptable("record", "%s/<record id>")
	if err != nil {
		return err
	}
	_, err = cloudflare.NewRecord(z.ctx, z.name+"-record", &cloudflare.RecordArgs{
		ZoneId:  z.id,
		Name:    r.Name,
		Type:    pulumi.String(r.Type),
		Content: r.Content.ToStringOutput(),
		Proxied: pulumi.Bool(true),
	}, z.common, adoptable)
	return wrap("record", err)
}

// originPulls recreates the switch when the certificate or the host changes: an
// in-place update turns the new one on and leaves the old one on as well. The old one
// is deleted first, because both may be the same switch of the zone or of the host,
// which its delete would turn off after the create.
func (z *cloudflareZone) originPulls(p *OriginPulls) error {
	args := &cloudflare.AuthenticatedOriginPullsArgs{ZoneId: z.id, Enabled: pulumi.Bool(true)}
	if p.CertificateID != nil {
		args.AuthenticatedOriginPullsCertificate = p.CertificateID.ToStringOutput()
	}
	if p.Hostname != nil {
		args.Hostname = p.Hostname.ToStringOutput()
	}
	_, err := cloudflare.NewAuthenticatedOriginPulls(z.ctx, z.name+"-origin-pulls", args, z.common,
		pulumi.ReplaceOnChanges([]string{"hostname", "authenticatedOriginPullsCertificate"}), pulumi.DeleteBeforeReplace(true))
	return wrap("authenticated origin pulls", err)
}

// adoptable tells whoever runs pulumi up how to import what the zone has already.
func (z *cloudflareZone) adoptable(suffix, importID string) (pulumi.ResourceOption, error) {
	return component.Adoptable(z.ctx, z.name, suffix, importID)
}

// stays is for what belongs to the zone as a whole. The provider's delete does not
// restore only what it set: it writes back every setting of the zone as it first was,
// including those that somebody has since changed by hand, and turns tiered caching and
// normalization off, whoever turned them on. It fails on a state that a failed create
// left. So the settings stay.
func stays() pulumi.ResourceOption { return pulumi.RetainOnDelete(true) }

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
