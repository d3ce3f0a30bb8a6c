package cloudflare_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/cloudflare"
	"github.com/scalestack/scalestack/lab/emulators/plugintest"
	"github.com/stretchr/testify/require"
)

type props = plugintest.Props

const (
	zone  = "0123456789abcdef0123456789abcdef"
	other = "fedcba9876543210fedcba9876543210"
)

var token = strings.Repeat("aZ9_-", 8)

// typeOf returns one type of an emulator that writes to the returned folder.
func typeOf(t *testing.T, name string) (plugintest.Type, string) {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{"CLOUDFLARE_API_TOKEN": token, cloudflare.DirEnv: dir}
	definition := cloudflare.Provider(func(name string) string { return env[name] })
	return plugintest.New(t, definition, tokenOf(name)), dir
}

func tokenOf(name string) string {
	return "cloudflare:index/" + strings.ToLower(name[:1]) + name[1:] + ":" + name
}

func load(t *testing.T, dir, kind string) map[string]cloudflare.Applied {
	t.Helper()
	z, err := cloudflare.Load(dir, zone, kind)
	require.NoError(t, err)
	return z.Resources
}

// with returns a copy of p with some values changed; nil removes one.
func with(p, changes props) props {
	changed := props{}
	for name, value := range p {
		changed[name] = value
	}
	for name, value := range changes {
		changed[name] = value
		if value == nil {
			delete(changed, name)
		}
	}
	return changed
}

func TestToken(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		in   resource.PropertyMap
		want string
	}{
		"environment": {map[string]string{"CLOUDFLARE_API_TOKEN": token}, nil, ""},
		"config":      {nil, resource.PropertyMap{"apiToken": resource.MakeSecret(resource.NewProperty(token))}, ""},
		"unknown":     {nil, resource.PropertyMap{"apiToken": resource.MakeComputed(resource.NewProperty(""))}, ""},
		"none":        {nil, nil, "apiToken: is required, here or as CLOUDFLARE_API_TOKEN"},
		"malformed":   {map[string]string{"CLOUDFLARE_API_TOKEN": "tooshort"}, nil, ""},
		"key":         {nil, resource.PropertyMap{"apiKey": resource.NewProperty("k")}, "apiKey: is not taken by the lab's emulator"},
		"typo": {map[string]string{"CLOUDFLARE_API_TOKEN": token}, resource.PropertyMap{"apitoken": resource.NewProperty("x")},
			"apitoken: is not a known setting; known are"},
	} {
		t.Run(name, func(t *testing.T) {
			p := cloudflare.Provider(func(name string) string { return c.env[name] }).Plugin("")
			r, err := p.CheckConfig(context.Background(), plugin.CheckConfigRequest{News: c.in})
			require.NoError(t, err)
			if c.want == "" {
				require.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			require.Contains(t, r.Failures[0].Reason, c.want)
			if name != "typo" {
				_, err = p.Configure(context.Background(), plugin.ConfigureRequest{Inputs: c.in})
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestItSaysThatItIsAnEmulator(t *testing.T) {
	definition := cloudflare.Provider(func(name string) string {
		return map[string]string{"CLOUDFLARE_API_TOKEN": token, "PULUMI_HOME": "/lab/home"}[name]
	})
	greeting, err := definition.Configure(property.Map{})
	require.NoError(t, err)
	require.Equal(t, "cloudflare is the lab's emulator: no real zone changes, what is applied is written to /lab/cloudflare", greeting)
	info, err := definition.Plugin("").GetPluginInfo(context.Background())
	require.NoError(t, err)
	require.Equal(t, "5.49.1+emulator", info.Version.String())
}

// TestLife takes one of each type through its life.
func TestLife(t *testing.T) {
	for name, c := range map[string]struct {
		kind     string
		in       props
		change   props
		diff     []string
		replace  props
		replaces []string
		// lasting kinds exist in every zone: they are never gone.
		lasting bool
	}{
		"Ruleset": {"ruleset", rules(rule("static", nil)),
			props{"description": "other"}, []string{"description update"},
			props{"name": "other"}, []string{"name update-replace"}, false},
		"ZoneSettingsOverride": {"zoneSettingsOverride", props{"zoneId": zone, "settings": props{"cacheLevel": "aggressive", "browserCacheTtl": 86400}},
			props{"settings": props{"cacheLevel": "basic", "browserCacheTtl": 86400}}, []string{"settings.cacheLevel update"},
			props{"zoneId": other}, []string{"zoneId update-replace"}, true},
		"TieredCache": {"tieredCache", props{"zoneId": zone, "cacheType": "smart"},
			props{"cacheType": "generic"}, []string{"cacheType update"},
			props{"zoneId": other}, []string{"zoneId update-replace"}, true},
		"Argo": {"argo", props{"zoneId": zone, "smartRouting": "on"},
			props{"smartRouting": "off"}, []string{"smartRouting update"},
			props{"zoneId": other}, []string{"zoneId update"}, true},
		"Record": {"record", props{"zoneId": zone, "name": "www", "type": "A", "content": "192.0.2.1", "proxied": true},
			props{"content": "192.0.2.2"}, []string{"content update"},
			props{"name": "web"}, []string{"name update-replace"}, false},
		"PageRule": {"pageRule", props{"zoneId": zone, "target": "x.test/*", "actions": props{"cacheLevel": "cache_everything", "edgeCacheTtl": 7200, "browserCacheTtl": "86400"}},
			props{"priority": 2}, []string{"priority update"},
			props{"zoneId": other}, []string{"zoneId update-replace"}, false},
		"ZoneCacheReserve": {"zoneCacheReserve", props{"zoneId": zone, "enabled": true},
			props{"enabled": false}, []string{"enabled update"},
			props{"zoneId": other}, []string{"zoneId update-replace"}, true},
		"UrlNormalizationSettings": {"urlNormalizationSettings", props{"zoneId": zone, "type": "cloudflare", "scope": "both"},
			props{"scope": "incoming"}, []string{"scope update"},
			props{"zoneId": other}, []string{"zoneId update-replace"}, true},
		"AuthenticatedOriginPulls": {"authenticatedOriginPulls", props{"zoneId": zone, "enabled": true},
			props{"enabled": false}, []string{"enabled update"},
			props{"hostname": "a.test"}, []string{"hostname add"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			x, dir := typeOf(t, name)
			id, state := x.Create(c.in)
			require.Empty(t, x.Diff(state, c.in), "a second preview must be empty")
			require.Equal(t, c.replaces, x.Diff(state, with(c.in, c.replace)))

			read, err := x.Read(id, state, c.in)
			require.NoError(t, err)
			require.Equal(t, state, read.Outputs, "a refresh must change nothing")
			require.Equal(t, resource.NewPropertyMapFromMap(c.in), read.Inputs)

			changed := with(c.in, c.change)
			require.Equal(t, c.diff, x.Diff(state, changed))
			x.PreviewUpdate(id, state, changed)
			require.Equal(t, 1, load(t, dir, c.kind)[id].Version, "a preview must not write")
			state, err = x.Update(id, state, changed)
			require.NoError(t, err)
			require.Equal(t, 2, load(t, dir, c.kind)[id].Version)
			require.Empty(t, x.Diff(state, changed))

			imported, err := x.Read(zone+"/"+id, nil, nil)
			require.NoError(t, err)
			if name != "Record" { // TestAnImportedRecord
				require.Equal(t, state, imported.Outputs)
			}

			require.NoError(t, x.Delete(id, state))
			require.Empty(t, load(t, dir, c.kind))
			if c.lasting {
				return
			}
			gone, err := x.Read(id, state, changed)
			require.NoError(t, err)
			require.Nil(t, gone.Outputs)
			_, err = x.Update(id, state, changed)
			require.ErrorContains(t, err, "404: zone "+zone+" has no "+c.kind)
		})
	}
}

// A name in full is another one to the provider, and the record goes before it comes back.
func TestAnImportedRecord(t *testing.T) {
	x, _ := typeOf(t, "Record")
	in := props{"zoneId": zone, "name": "www.example.com", "type": "CNAME", "content": "a.test", "proxied": true}
	id, _ := x.Create(in)
	read, err := x.Read(zone+"/"+id, nil, nil)
	require.NoError(t, err)
	replaced, deletedFirst := x.Replaces(read.Outputs, in)
	require.Equal(t, []string{"name"}, replaced)
	require.True(t, deletedFirst)

	require.Equal(t, []string{"content add"}, x.Diff(read.Outputs, with(in, props{"name": "www"})))
	read.Outputs["name"] = resource.NewStringProperty("www.example.com")
	require.Equal(t, []string{"content add"}, x.Diff(read.Outputs, in))
}

func TestDriftIsFound(t *testing.T) {
	x, dir := typeOf(t, "TieredCache")
	in := props{"zoneId": zone, "cacheType": "smart"}
	id, state := x.Create(in)

	path := filepath.Join(dir, zone, "zone.json")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), `"smart"`, `"generic"`, 1)), 0o644))

	read, err := x.Read(id, state, in)
	require.NoError(t, err)
	require.Equal(t, "generic", read.Outputs["cacheType"].StringValue())
	require.Equal(t, []string{"cacheType update"}, x.Diff(read.Outputs, in))

	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	_, err = x.Read(id, state, in)
	require.ErrorContains(t, err, "zone.json: unexpected end of JSON input")
}
