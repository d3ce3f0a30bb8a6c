package stack

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/app"
	"github.com/scalestack/scalestack/components/cdn"
)

const zoneSettings = `"enabled": true, "zoneId": "0123456789abcdef0123456789abcdef"`

func TestNobodyIsLetInUnlessAsked(t *testing.T) {
	c, err := load(t, map[string]string{"scalestack:cdn": `{` + zoneSettings + `}`})
	require.NoError(t, err)
	require.Empty(t, c.callers())
}

func TestAllowEdge(t *testing.T) {
	c, err := load(t, map[string]string{
		"scalestack:app": `{"callers": [{"pods": {"app": "probe"}}]}`,
		"scalestack:cdn": `{` + zoneSettings + `, "allowEdge": true}`,
	})
	require.NoError(t, err)
	require.Len(t, c.callers(), 1+len(cdn.PublishedRanges()))
	require.Equal(t, app.Peer{Pods: map[string]string{"app": "probe"}}, c.callers()[0])

	c, err = load(t, map[string]string{"scalestack:cdn": `{` + zoneSettings + `, "allowEdge": true, "edgeRanges": ["192.0.2.0/24"]}`})
	require.NoError(t, err)
	require.Equal(t, []app.Peer{{CIDR: "192.0.2.0/24"}}, c.callers())
}

func TestEdgeMistakesAreSaidOnce(t *testing.T) {
	for settings, want := range map[string]string{
		`{"allowEdge": true}`: "scalestack:cdn.allowEdge: true is not possible with enabled false: no edge would call",
		`{` + zoneSettings + `, "edgeRanges": ["192.0.2.0/24"]}`:                 "scalestack:cdn.edgeRanges: 1 given, but allowEdge is false and nothing uses them",
		`{` + zoneSettings + `, "allowEdge": true, "edgeRanges": ["anywhere"]}`:  `scalestack:cdn.edgeRanges[0]: "anywhere" is not an address range such as 104.16.0.0/13`,
		`{` + zoneSettings + `, "allowEdge": true, "edgeRanges": []}`:            "scalestack:cdn.edgeRanges: is empty, the edge comes from somewhere; leave it out for the published ranges",
		`{` + zoneSettings + `, "originPulls": {"hostname": "www.example.com"}}`: `scalestack:cdn.originPulls.hostname: "www.example.com" needs certificateId: the shared certificate is for the whole zone`,
		`{` + zoneSettings + `, "mode": "pages"}`:                                `scalestack:cdn.mode: "pages" is not one of cacheRules, pageRules`,
		`{` + zoneSettings + `, "hostname": "a.test"}`:                           `scalestack:cdn.hostname: "a.test" given, only mode pageRules uses it`,
		`{` + zoneSettings + `, "mode": "pageRules", "plan": "pro"}`:             `scalestack:cdn.hostname: "" is not a host name in lower case such as www.example.com, which mode pageRules needs`,
		`{` + zoneSettings + `, "mode": "pageRules", "hostname": "a.test"}`:      "scalestack:cdn.rules: 3 and the 3 bypass rules make 6, plan free allows 3 page rules",
	} {
		_, err := load(t, map[string]string{"scalestack:cdn": settings})
		require.EqualError(t, err, want)
	}
}

func TestRuleSettings(t *testing.T) {
	c, err := load(t, map[string]string{"scalestack:cdn": `{` + zoneSettings + `, "originPulls": {}, "rules": [
		{"ref": "a", "path": "/a/*", "statusTtls": []},
		{"ref": "b", "path": "/b/*", "serveStale": false, "strongEtags": true, "deceptionArmor": false}]}`})
	require.NoError(t, err)
	args := c.cdnArgs()
	require.Equal(t, &cdn.OriginPulls{}, args.OriginPulls)
	require.Equal(t, []cdn.StatusTTL{}, args.Rules[0].StatusTTLs, "an empty list is not the default")
	require.Nil(t, args.Rules[1].StatusTTLs)
	require.Equal(t, []bool{false, false, false}, []bool{args.Rules[0].RefuseStale, args.Rules[0].StrongETags, args.Rules[0].SkipArmor})
	require.Equal(t, []bool{true, true, true}, []bool{args.Rules[1].RefuseStale, args.Rules[1].StrongETags, args.Rules[1].SkipArmor})
}

func TestPageRulesByChoice(t *testing.T) {
	c, err := load(t, map[string]string{"scalestack:cdn": `{` + zoneSettings + `, "mode": "pageRules", "plan": "pro", "hostname": "a.test"}`})
	require.NoError(t, err)
	var order []string
	for _, r := range outputs(t, c)["cdnRules"].([]any) {
		order = append(order, r.(map[string]any)["expression"].(string))
	}
	require.Equal(t, []string{"a.test/*", "a.test/static/*", "a.test/images/*", "a.test/js/*", "a.test/*;*", "a.test/*%*"}, order)
}
