// Package cloudflare is the lab's emulator of the pulumi-cloudflare provider plugin,
// which no registry has. Checks, diffs, replacements and what a delete writes are those
// of the official plugin 5.49.1: conformance_test.go compares it with 163 of the
// plugin's answers. Tunnels follow only the API's documentation and the SDK. What the
// plugin leaves to the API fails at creation, as it does there. Zones are JSON files
// that a person or a test can read and edit. No real zone is involved.
package cloudflare

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

// Version is the version of the plugin that this emulates: the one that
// goes with the SDK in the product's go.mod.
const Version = "5.49.1"

// DirEnv names the folder that the emulator writes to, by default the folder
// cloudflare beside PULUMI_HOME.
const DirEnv = "SCALESTACK_CLOUDFLARE_DIR"

const tokenEnv = "CLOUDFLARE_API_TOKEN"

var (
	tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{40}$`)
	zoneForm  = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// Provider returns the definition of the plugin. It reads the environment when
// it is configured.
func Provider(getenv func(string) string) *provider.Definition {
	zones := &store{}
	text := provider.Field{Kind: provider.String}
	return &provider.Definition{
		Name:    "cloudflare",
		Version: Version,
		Config: provider.Fields{
			"apiToken": text, "apiKey": text, "apiUserServiceKey": text, "email": text,
			"apiHostname": text, "apiBasePath": text, "apiClientLogging": text, "userAgentOperatorSuffix": text,
			"rps": text, "retries": text, "minBackoff": text, "maxBackoff": text,
		},
		CheckConfig: func(config property.Map) []provider.Failure { return checkToken(config, getenv) },
		Configure: func(config property.Map) (string, error) {
			if found := checkToken(config, getenv); len(found) > 0 {
				return "", fmt.Errorf("cloudflare:%s: %s", found[0].Path, found[0].Problem)
			}
			zones.dir, zones.token = directory(getenv), tokenProblem(config, getenv)
			return "cloudflare is the lab's emulator: no real zone changes, what is applied is written to " + zones.dir, nil
		},
		Resources: map[string]provider.Resource{
			"cloudflare:index/ruleset:Ruleset":                                                   ruleset().resource(zones),
			"cloudflare:index/zoneSettingsOverride:ZoneSettingsOverride":                         zoneSettings().resource(zones),
			"cloudflare:index/tieredCache:TieredCache":                                           tieredCache().resource(zones),
			"cloudflare:index/argo:Argo":                                                         argo().resource(zones),
			"cloudflare:index/record:Record":                                                     record().resource(zones),
			"cloudflare:index/pageRule:PageRule":                                                 pageRule().resource(zones),
			"cloudflare:index/zoneCacheReserve:ZoneCacheReserve":                                 zoneCacheReserve().resource(zones),
			"cloudflare:index/authenticatedOriginPulls:AuthenticatedOriginPulls":                 originPulls().resource(zones),
			"cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared":             tunnel(zones),
			"cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig": tunnelConfig(zones),
			"cloudflare:index/urlNormalizationSettings:UrlNormalizationSettings":                 urlNormalization().resource(zones),
		},
	}
}

// checkToken demands an API token and never shows it.
func checkToken(config property.Map, getenv func(string) string) []provider.Failure {
	for _, name := range []string{"apiKey", "apiUserServiceKey"} {
		if !config.Get(name).IsNull() {
			return []provider.Failure{provider.Failf(name, "is not taken by the lab's emulator; use apiToken or %s", tokenEnv)}
		}
	}
	if config.Get("apiToken").IsNull() && getenv(tokenEnv) == "" {
		return []provider.Failure{provider.Failf("apiToken", "is required, here or as %s", tokenEnv)}
	}
	return nil
}

// tokenProblem is what every call fails with when the token has not the form
// that the API demands. The provider does not look at it, so that a preview
// passes.
func tokenProblem(config property.Map, getenv func(string) string) error {
	token := config.Get("apiToken")
	if token.IsNull() {
		token = property.New(getenv(tokenEnv))
	}
	if token.IsComputed() || token.IsString() && tokenForm.MatchString(token.AsString()) {
		return nil
	}
	return errors.New("the API refuses the request headers: apiToken is not 40 letters, digits, - or _")
}

func directory(getenv func(string) string) string {
	if dir := getenv(DirEnv); dir != "" {
		return dir
	}
	home := getenv("PULUMI_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			user = "."
		}
		home = filepath.Join(user, ".pulumi")
	}
	return filepath.Join(home, "..", "cloudflare")
}
