package cdn

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// urlNormalization lets the origin see the URL that the page rules saw. With two
// spellings of one path an origin could answer a cached path with what it has
// elsewhere.
func (z *cloudflareZone) urlNormalization() (pulumi.Resource, error) {
	made, err := cloudflare.NewUrlNormalizationSettings(z.ctx, z.name+"-url-normalization", &cloudflare.UrlNormalizationSettingsArgs{
		ZoneId: z.id, Type: pulumi.String("rfc3986"), Scope: pulumi.String("both"),
	}, z.common, stays())
	return made, wrap("URL normalization", err)
}

func (z *cloudflareZone) pageRule(r pageRule, priority int, after pulumi.Resource) (pulumi.Resource, error) {
	status := "active"
	if r.disabled() {
		status = "disabled"
	}
	suffix := "page-rule-" + r.name()
	adoptable, err := z.adoptable(suffix, "%s/<page rule id>")
	if err != nil {
		return nil, err
	}
	made, err := cloudflare.NewPageRule(z.ctx, z.name+"-"+suffix, &cloudflare.PageRuleArgs{
		ZoneId:   z.id,
		Target:   pulumi.String(r.target),
		Priority: pulumi.Int(priority),
		Status:   pulumi.String(status),
		Actions:  pageActions(r.from, r.plan),
	}, z.common, adoptable, pulumi.DependsOn([]pulumi.Resource{after}), z.formerName(r))
	return made, wrap("page rule "+r.ref, err)
}

// formerName is the name that an older release gave a rule, by its ref.
func (z *cloudflareZone) formerName(r pageRule) pulumi.ResourceOption {
	if r.name() == r.ref {
		return pulumi.Aliases(nil)
	}
	return pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String(z.name + "-page-rule-" + r.ref)}})
}

// pageActions is what a page rule does; nil bypasses the cache. What only
// Enterprise has is set only if the rule asks for it. A browser lifetime of 0 must be
// said where the plan allows it, otherwise the zone's own applies.
func pageActions(r *Rule, plan Plan) *cloudflare.PageRuleActionsArgs {
	if r == nil {
		return &cloudflare.PageRuleActionsArgs{CacheLevel: pulumi.String("bypass")}
	}
	actions := &cloudflare.PageRuleActionsArgs{CacheLevel: pulumi.String("cache_everything")}
	if r.EdgeTTL > 0 {
		actions.EdgeCacheTtl = pulumi.Int(r.EdgeTTL)
	}
	if r.BrowserTTL > 0 || plans[plan].pageExtras {
		actions.BrowserCacheTtl = pulumi.String(strconv.Itoa(r.BrowserTTL))
	}
	if *r.DeceptionArmor {
		actions.CacheDeceptionArmor = pulumi.String("on")
	}
	if r.StrongETags {
		actions.RespectStrongEtag = pulumi.String("on")
	}
	if len(r.StatusTTLs) > 0 {
		actions.CacheTtlByStatuses = pageStatusTTLs(r.StatusTTLs)
	}
	if key := pageKey(r.Query); key != nil {
		actions.CacheKeyFields = key
	}
	return actions
}

func pageStatusTTLs(ttls []StatusTTL) cloudflare.PageRuleActionsCacheTtlByStatusArray {
	var out cloudflare.PageRuleActionsCacheTtlByStatusArray
	for _, t := range ttls {
		out = append(out, &cloudflare.PageRuleActionsCacheTtlByStatusArgs{
			Codes: pulumi.String(fmt.Sprintf("%d-%d", t.From, t.To)), Ttl: pulumi.Int(*t.TTL),
		})
	}
	return out
}

// pageKey returns nil when the whole query string counts.
func pageKey(q Query) *cloudflare.PageRuleActionsCacheKeyFieldsArgs {
	query := &cloudflare.PageRuleActionsCacheKeyFieldsQueryStringArgs{}
	switch q.Mode {
	case QueryIgnore:
		query.Ignore = pulumi.Bool(true)
	case QueryInclude:
		query.Includes = pulumi.ToStringArray(q.Names)
	case QueryExclude:
		query.Excludes = pulumi.ToStringArray(q.Names)
	default:
		return nil
	}
	// The provider needs both blocks, and crashes on an empty one.
	no := pulumi.Bool(false)
	return &cloudflare.PageRuleActionsCacheKeyFieldsArgs{
		QueryString: query,
		Host:        &cloudflare.PageRuleActionsCacheKeyFieldsHostArgs{Resolved: no},
		User:        &cloudflare.PageRuleActionsCacheKeyFieldsUserArgs{DeviceType: no, Geo: no, Lang: no},
	}
}
