//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var someRecord = map[string]any{"name": "www", "type": "A", "content": "192.0.2.1"}

// However the first up fails on the zone's settings, the next one heals the state.
func TestZoneHealsAfterAFailedFirstUp(t *testing.T) {
	for name, broken := range map[string]struct {
		make func(*zoneStack)
		mend func(*zoneStack)
		says string
	}{
		"malformed token": {
			func(z *zoneStack) { z.extra = []string{"CLOUDFLARE_API_TOKEN=tooshort"} },
			func(z *zoneStack) { z.extra = nil }, "apiToken is not 40 letters",
		},
		"settings forbidden": {
			func(z *zoneStack) {
				z.edit(oneZone, func(zone map[string]any) { zone["refuse"] = map[string]any{settingsOf: "403 Forbidden"} })
			},
			func(z *zoneStack) { z.edit(oneZone, func(zone map[string]any) { delete(zone, "refuse") }) }, "403 Forbidden",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			z := newZoneStack(t).with(nil)
			broken.make(z)
			text, err := z.try(upTest...)
			require.Error(t, err)
			require.Contains(t, text, broken.says)
			broken.mend(z)
			z.up()
			z.steady()
			z.destroy()
			require.Equal(t, "on", z.value(oneZone, settingsOf, "http2"))
		})
	}
}

// Destroy takes its rules and record, and leaves the zone's settings as people have
// them, those that the stack never declared among them.
func TestZoneKeepsWhatPeopleSet(t *testing.T) {
	t.Parallel()
	z := newZoneStack(t).with(map[string]any{"record": someRecord, "originPulls": map[string]any{}})
	z.up()
	for name, value := range map[string]string{"ssl": "strict", "minTlsVersion": "1.2", "tlsClientAuth": "on", "alwaysUseHttps": "on"} {
		z.edit(oneZone, set(name, value))
	}
	unchanged := func() {
		t.Helper()
		require.Equal(t, []any{"strict", "1.2", "on", "on", 86400.0, "smart"}, []any{
			z.value(oneZone, settingsOf, "ssl"), z.value(oneZone, settingsOf, "minTlsVersion"), z.value(oneZone, settingsOf, "tlsClientAuth"),
			z.value(oneZone, settingsOf, "alwaysUseHttps"), z.value(oneZone, settingsOf, "browserCacheTtl"), z.value(oneZone, "tieredCache", "cacheType"),
		})
	}
	z.must("refresh", "--yes", "--skip-preview", "--stack", "test")
	z.with(map[string]any{"zoneSettings": false, "tieredCache": false}).up()
	unchanged()
	require.Equal(t, true, z.value(oneZone, "authenticatedOriginPulls", "global"), "the origin still demands the certificate")
	z.with(map[string]any{"zoneSettings": true, "tieredCache": true}).up()
	z.steady()
	z.destroy()
	unchanged()
	for _, kind := range []string{"ruleset", "record"} {
		require.Empty(t, z.made(oneZone, kind))
	}
}

// Everything is made in the other zone and taken out of the first, Argo too, which
// costs money there.
func TestZoneChange(t *testing.T) {
	t.Parallel()
	z := newZoneStack(t).with(map[string]any{"record": someRecord, "argo": true})
	z.up()
	z.with(map[string]any{"zoneId": anotherZone}).up()
	z.steady()
	require.Len(t, z.made(anotherZone, "ruleset"), 2)
	require.Len(t, z.made(anotherZone, "record"), 1)
	require.Equal(t, "on", z.value(anotherZone, "argo", "smartRouting"))
	require.Empty(t, z.made(oneZone, "ruleset"))
	require.Empty(t, z.made(oneZone, "record"))
	require.Equal(t, "off", z.value(oneZone, "argo", "smartRouting"))
}

func TestZoneArgoOnAndOff(t *testing.T) {
	t.Parallel()
	z := newZoneStack(t)
	for _, on := range []bool{true, false, true, false} {
		z.with(map[string]any{"argo": on}).up()
		want := map[bool]string{true: "on", false: "off"}[on]
		require.Equal(t, []any{want, "smart"}, []any{z.value(oneZone, "argo", "smartRouting"), z.value(oneZone, "tieredCache", "cacheType")})
	}
	z.steady()
	z.destroy()
	require.Equal(t, []any{"off", "smart"}, []any{z.value(oneZone, "argo", "smartRouting"), z.value(oneZone, "tieredCache", "cacheType")})
}

// importCommand is what a failed create tells to run.
var importCommand = regexp.MustCompile(`(?m)^\s*pulumi (import cloudflare:\S+ \S+ \S+/)<(?:ruleset|record) id>( .*)$`)

// adopt runs the imports that an up has asked for, each with the id that the zone has.
func (z *zoneStack) adopt(said string) (adopted int) {
	z.t.Helper()
	for _, command := range importCommand.FindAllStringSubmatch(said, -1) {
		kind := "record"
		if strings.Contains(command[1], "ruleset") {
			kind = "ruleset"
		}
		for id, properties := range z.made(oneZone, kind) {
			if phase, _ := properties["phase"].(string); kind == "record" || strings.Contains(command[1], "rate-limit") == (phase == "http_ratelimit") {
				z.must(append(strings.Fields(command[1]+id+command[2]), "--stack", "test", "--yes", "--skip-preview")...)
				adopted++
			}
		}
	}
	return adopted
}

// The error of the first up leads to the import, for all that the zone has at once, and
// the up after it changes the ruleset in place.
func TestZoneWithRulesIsAdopted(t *testing.T) {
	t.Parallel()
	z := newZoneStack(t).with(map[string]any{"record": someRecord})
	byHand := func(phase string) map[string]any {
		return map[string]any{"properties": map[string]any{"zoneId": oneZone, "kind": "zone", "phase": phase, "name": "made by hand", "rules": []any{
			map[string]any{"id": "1", "ref": "1", "description": "", "enabled": true, "expression": "true", "action": "block"}}}}
	}
	z.write(filepath.Join(z.zones, oneZone, "ruleset.json"), map[string]any{"resources": map[string]any{
		"aaaa": byHand("http_request_cache_settings"), "bbbb": byHand("http_ratelimit")}})
	text, err := z.try(upTest...)
	require.Error(t, err)
	require.Contains(t, text, "A similar configuration with rules already exists")
	require.Equal(t, 2, z.adopt(text), text)
	z.up()
	z.steady()
	made := z.made(oneZone, "ruleset")
	require.Equal(t, []string{"aaaa", "bbbb"}, slices.Sorted(maps.Keys(made)))
	require.Len(t, made["aaaa"]["rules"], 5)
	require.Equal(t, "made by hand", made["aaaa"]["name"])
	z.destroy()
	require.Empty(t, z.made(oneZone, "ruleset"))
}

// Killed after Cloudflare made a ruleset and before the state has it, the stack comes
// back the same way.
func TestZoneIsAdoptedAfterAKill(t *testing.T) {
	t.Parallel()
	z := newZoneStack(t).with(map[string]any{"record": someRecord})
	z.edit(oneZone, func(zone map[string]any) { zone["slow"] = map[string]any{"ruleset": 60} })
	killed := z.command(upTest...)
	killed.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, killed.Start())
	eventually(t, 3*time.Minute, "Cloudflare has a ruleset", func() error {
		_, err := os.Stat(filepath.Join(z.zones, oneZone, "ruleset.json"))
		return err
	})
	require.NoError(t, syscall.Kill(-killed.Process.Pid, syscall.SIGKILL))
	require.Error(t, killed.Wait())
	z.edit(oneZone, func(zone map[string]any) { delete(zone, "slow") })

	lost := len(z.made(oneZone, "ruleset"))
	z.must("cancel", "--yes", "--stack", "test") // the lock of the one that was killed
	text, err := z.try(upTest...)
	require.Error(t, err)
	require.GreaterOrEqual(t, z.adopt(text), lost, text) // the record too, where it was made and not noted
	z.up()
	z.steady()
	require.Len(t, z.made(oneZone, "ruleset"), 2)
	require.Len(t, z.made(oneZone, "record"), 1)
}
