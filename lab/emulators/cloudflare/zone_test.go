package cloudflare_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/scalestack/scalestack/lab/emulators/cloudflare"
	"github.com/scalestack/scalestack/lab/emulators/plugintest"
	"github.com/stretchr/testify/require"
)

// plugins returns types of one emulator.
func plugins(t *testing.T, token string, names ...string) ([]plugintest.Type, string) {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{"CLOUDFLARE_API_TOKEN": token, cloudflare.DirEnv: dir}
	var all []plugintest.Type
	for _, name := range names {
		all = append(all, plugintest.New(t, cloudflare.Provider(func(name string) string { return env[name] }), tokenOf(name)))
	}
	return all, dir
}

// zoneValues are what counts of a zone, by kind.
func zoneValues(t *testing.T, dir, id string) map[string]props {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, id, "zone.json"))
	require.NoError(t, err)
	var z struct{ Values map[string]props }
	require.NoError(t, json.Unmarshal(text, &z))
	return z.Values
}

// editZone changes the zone as a person would who does not use Pulumi.
func editZone(t *testing.T, dir, id string, edit func(props)) {
	t.Helper()
	path := filepath.Join(dir, id, "zone.json")
	z := props{}
	if text, err := os.ReadFile(path); err == nil {
		require.NoError(t, json.Unmarshal(text, &z))
	}
	edit(z)
	text, err := json.Marshal(z)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

func setting(name, value string) func(props) {
	return func(z props) { z["values"].(props)["zoneSettingsOverride"].(props)[name] = value }
}

func settings(values props) props { return props{"zoneId": zone, "settings": values} }

func TestDeletingZoneSettingsRestoresWhatTheStateKnows(t *testing.T) {
	x, dir := typeOf(t, "ZoneSettingsOverride")
	in := settings(props{"cacheLevel": "basic"})
	id, state := x.Create(in)
	editZone(t, dir, zone, setting("ssl", "strict"))

	require.NoError(t, x.Delete(id, state))
	require.Equal(t, "strict", zoneValues(t, dir, zone)["zoneSettingsOverride"]["ssl"], "no refresh has seen the change by hand")
	require.Equal(t, "aggressive", zoneValues(t, dir, zone)["zoneSettingsOverride"]["cacheLevel"])

	id, state = x.Create(in)
	editZone(t, dir, zone, setting("ssl", "origin_pull"))
	read, err := x.Read(id, state, in)
	require.NoError(t, err)
	require.Empty(t, x.Diff(read.Outputs, in))
	require.NoError(t, x.Delete(id, read.Outputs))
	require.Equal(t, "strict", zoneValues(t, dir, zone)["zoneSettingsOverride"]["ssl"], "the change by hand is undone")
}

// As the provider's source has it: HasChange compares 0 with nothing. The next up
// finds the zone's own value and writes 0.
func TestAZeroIsNotWrittenAtFirst(t *testing.T) {
	x, dir := typeOf(t, "ZoneSettingsOverride")
	in := settings(props{"browserCacheTtl": 0})
	id, state := x.Create(in)
	require.Equal(t, 14400.0, zoneValues(t, dir, zone)["zoneSettingsOverride"]["browserCacheTtl"])
	require.Equal(t, []string{"settings.browserCacheTtl update"}, x.Diff(state, in))
	state, err := x.Update(id, state, in)
	require.NoError(t, err)
	require.Equal(t, 0.0, zoneValues(t, dir, zone)["zoneSettingsOverride"]["browserCacheTtl"])
	require.Empty(t, x.Diff(state, in))
}

func TestASettingThatLeavesTheProgramStays(t *testing.T) {
	x, dir := typeOf(t, "ZoneSettingsOverride")
	_, state := x.Create(settings(props{"cacheLevel": "basic", "ssl": "strict"}))
	require.Empty(t, x.Diff(state, settings(props{"cacheLevel": "basic"})))
	require.Equal(t, "strict", zoneValues(t, dir, zone)["zoneSettingsOverride"]["ssl"])
}

// A creation that fails after the resource has its id leaves a state that no
// update heals and no delete removes; creating it anew does.
func TestAFailedCreationOfZoneSettings(t *testing.T) {
	x, dir := typeOf(t, "ZoneSettingsOverride")
	in := settings(props{"cacheLevel": "basic"})
	editZone(t, dir, zone, func(z props) { z["refuse"] = props{"zoneSettingsOverride": "403 Forbidden"} })
	id, state, err := x.TryCreate(in)
	require.ErrorContains(t, err, "403 Forbidden")
	require.Equal(t, zone, id)

	editZone(t, dir, zone, func(z props) { z["refuse"] = props{} })
	for range 2 {
		require.Contains(t, x.Diff(state, in), "initialSettings add")
		state, err = x.Update(id, state, in)
		require.NoError(t, err)
	}
	require.ErrorContains(t, x.Delete(id, state), "it cannot be set as it is read only")

	_, state = x.Create(in)
	require.Empty(t, x.Diff(state, in))
	require.NoError(t, x.Delete(id, state))
}

func TestAMalformedTokenFailsAtTheFirstCall(t *testing.T) {
	all, _ := plugins(t, "tooshort", "ZoneSettingsOverride", "TieredCache")
	in := settings(props{"cacheLevel": "basic"})
	all[0].Preview(in)
	id, state, err := all[0].TryCreate(in)
	require.ErrorContains(t, err, "apiToken is not 40 letters")
	require.NotContains(t, err.Error(), "tooshort", "a token must not be shown")
	require.Equal(t, zone, id)
	require.Equal(t, resource.NewPropertyMapFromMap(in), state)

	id, _, err = all[1].TryCreate(props{"zoneId": zone, "cacheType": "smart"})
	require.ErrorContains(t, err, "apiToken is not 40 letters")
	require.Empty(t, id, "only the settings are half made")
}

func TestALateAnswer(t *testing.T) {
	x, dir := typeOf(t, "Ruleset")
	editZone(t, dir, zone, func(z props) { z["slow"] = props{"ruleset": 0.2} })
	begin := time.Now()
	x.Create(rules(rule("a", nil)))
	require.GreaterOrEqual(t, time.Since(begin), 200*time.Millisecond)
	require.Len(t, load(t, dir, "ruleset"), 1)
}

func TestDeletingArgoTurnsTieredCachingOff(t *testing.T) {
	all, _ := plugins(t, token, "Argo", "TieredCache")
	argo, tiered := all[0], all[1]
	smart := props{"zoneId": zone, "cacheType": "smart"}
	tieredID, tieredState := tiered.Create(smart)
	id, state := argo.Create(props{"zoneId": zone, "smartRouting": "on"})
	require.NoError(t, argo.Delete(id, state))

	require.Empty(t, tiered.Diff(tieredState, smart), "nothing shows before a refresh")
	read, err := tiered.Read(tieredID, tieredState, smart)
	require.NoError(t, err)
	require.Equal(t, []string{"cacheType update"}, tiered.Diff(read.Outputs, smart))
}

func TestAChangeOfZone(t *testing.T) {
	argo, dir := typeOf(t, "Argo")
	id, state := argo.Create(props{"zoneId": zone, "smartRouting": "on"})
	_, err := argo.Update(id, state, props{"zoneId": other, "smartRouting": "on"})
	require.NoError(t, err)
	require.Equal(t, "on", zoneValues(t, dir, zone)["argo"]["smartRouting"], "the old zone stays billed")

	x, _ := typeOf(t, "Ruleset")
	id, state = x.Create(rules(rule("a", nil)))
	moved := with(rules(rule("a", nil)), props{"zoneId": other})
	require.Equal(t, []string{"zoneId update"}, x.Diff(state, moved))
	_, err = x.Update(id, state, moved)
	require.ErrorContains(t, err, "404: zone "+other+" has no ruleset "+id)
}

func TestOriginPullsOfAnotherHostLeaveTheOldOnes(t *testing.T) {
	x, dir := typeOf(t, "AuthenticatedOriginPulls")
	in := props{"zoneId": zone, "enabled": true, "hostname": "a.test", "authenticatedOriginPullsCertificate": "c"}
	id, state := x.Create(in)
	state, err := x.Update(id, state, with(in, props{"hostname": "b.test"}))
	require.NoError(t, err)
	require.NoError(t, x.Delete(id, state))
	require.Equal(t, props{"host a.test": true, "host b.test": false}, zoneValues(t, dir, zone)["authenticatedOriginPulls"])
}

func TestWhatOtherDeletesWrite(t *testing.T) {
	for name, c := range map[string]struct {
		kind     string
		in, want props
	}{
		"TieredCache":              {"tieredCache", props{"cacheType": "generic"}, props{"cacheType": "off"}},
		"ZoneCacheReserve":         {"zoneCacheReserve", props{"enabled": true}, props{"enabled": false}},
		"UrlNormalizationSettings": {"urlNormalizationSettings", props{"type": "rfc3986", "scope": "both"}, props{"type": "cloudflare", "scope": "incoming"}},
	} {
		x, dir := typeOf(t, name)
		id, state := x.Create(with(c.in, props{"zoneId": zone}))
		require.Equal(t, c.in, zoneValues(t, dir, zone)[c.kind])
		require.NoError(t, x.Delete(id, state))
		require.Equal(t, c.want, zoneValues(t, dir, zone)[c.kind])
	}
}

// A lab that is upgraded keeps what it had applied.
func TestAZoneWithoutAFile(t *testing.T) {
	x, dir := typeOf(t, "ZoneSettingsOverride")
	in := settings(props{"cacheLevel": "basic"})
	id, state := x.Create(in)
	require.NoError(t, os.Remove(filepath.Join(dir, zone, "zone.json")))
	read, err := x.Read(id, state, in)
	require.NoError(t, err)
	require.Empty(t, x.Diff(read.Outputs, in))

	state["initialSettings"] = resource.NewProperty([]resource.PropertyValue{})
	require.NoError(t, x.Delete(id, state))
}

func TestThePlanLimitsPageRules(t *testing.T) {
	x, dir := typeOf(t, "PageRule")
	page := func(target string, actions props) props {
		return props{"zoneId": zone, "target": target, "priority": 1, "actions": actions}
	}
	bypass := props{"cacheLevel": "bypass"}
	for _, target := range []string{"a/", "b/", "c/"} {
		x.Create(page(target, bypass))
	}
	require.ErrorContains(t, x.CreateError(page("d/", bypass)), "the plan free allows 3")
	editZone(t, dir, zone, func(z props) { z["plan"] = "enterprise" })
	x.Create(page("d/", bypass))
	require.ErrorContains(t, x.CreateError(page("e/", props{"cacheKeyFields": props{"host": props{}, "queryString": props{}, "user": props{"geo": false}}})),
		"actions.cacheKeyFields.host: is empty, which crashes the provider")
}

func TestThePlanLimitsRules(t *testing.T) {
	x, dir := typeOf(t, "Ruleset")
	var many []any
	for _, ref := range "abcdefghijk" {
		many = append(many, rule(string(ref), nil))
	}
	require.ErrorContains(t, x.CreateError(rules(many...)), "rules: has 11 rules, the plan free allows 10")
	editZone(t, dir, zone, func(z props) { z["plan"] = "pro" })
	x.Create(rules(many...))
}
