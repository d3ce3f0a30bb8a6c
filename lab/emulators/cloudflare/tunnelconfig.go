package cloudflare

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

// rulesField holds a tunnel's rules, in the file of the tunnel.
const rulesField = "rules"

// tunnelConfig are the rules of a tunnel, which Cloudflare keeps for it. They go with
// the tunnel: the API has no way to delete them.
func tunnelConfig(all *store) provider.Resource {
	text, required := provider.Field{Kind: provider.String}, provider.Field{Kind: provider.String, Required: true}
	rule := provider.Field{Kind: provider.Object, Fields: provider.Fields{"hostname": text, "path": text, "service": required}}
	return provider.Resource{
		Fields: provider.Fields{
			"accountId": required, "tunnelId": required,
			"config": {Kind: provider.Object, Required: true, Fields: provider.Fields{
				"ingressRules": {Kind: provider.List, Required: true, Elem: &rule},
				"warpRouting":  {Kind: provider.Object, Fields: provider.Fields{"enabled": {Kind: provider.Bool}}},
			}},
		},
		Create: func(in property.Map) (string, property.Map, error) {
			return textOf(in, "tunnelId"), in, all.putRules(in)
		},
		Update: func(_ string, _, in property.Map) (property.Map, error) { return in, all.putRules(in) },
		Read: func(id string, state property.Map) (string, property.Map, bool, error) {
			applied, err := Load(all.dir, accountFolder(textOf(state, "accountId")), tunnelKind)
			if err != nil {
				return "", property.Map{}, false, err
			}
			rules, exists := applied.Resources[id].Properties[rulesField].(map[string]any)
			if !exists {
				return id, property.Map{}, false, nil
			}
			return id, state.Set("config", provider.Value(rules)), true, nil
		},
		Delete: func(string, property.Map) error { return nil },
	}
}

func (s *store) putRules(in property.Map) error {
	config, _ := mapOf(in, "config")
	if err := refusedRules(config); err != nil {
		return err
	}
	return s.account(in, func(applied *Zone) error {
		id := textOf(in, "tunnelId")
		tunnel, exists := applied.Resources[id]
		if !exists {
			return fmt.Errorf("404: account %s has no tunnel %s", textOf(in, "accountId"), id)
		}
		tunnel.Properties[rulesField] = provider.Plain(config)
		applied.put(id, tunnel.Properties)
		return nil
	})
}

// serviceForm is where a rule may lead; an address has no path.
var serviceForm = regexp.MustCompile(`^((https?|tcp|ssh|rdp|smb)://[^/\s]+|unix(\+tls)?:.+|http_status:[1-5]\d\d|hello_world|bastion)$`)

// refusedRules is what the API says to rules that cannot work: the last one has to match
// everything and no other one may.
func refusedRules(config property.Map) error {
	rules := config.Get("ingressRules")
	if !rules.IsArray() || rules.AsArray().Len() == 0 {
		return fmt.Errorf("the API refuses config: there are no ingress rules")
	}
	all := rules.AsArray().AsSlice()
	for i, one := range all {
		r := one.AsMap()
		host, path, service := textOf(r, "hostname"), textOf(r, "path"), textOf(r, "service")
		at := fmt.Sprintf("the API refuses config.ingressRules[%d]", i)
		switch everything := (host == "" || host == "*") && path == ""; {
		case !serviceForm.MatchString(service):
			return fmt.Errorf("%s.service: %q is not the address of a service", at, service)
		case strings.Contains(strings.TrimPrefix(host, "*."), "*") && host != "*":
			return fmt.Errorf("%s.hostname: %q has a wildcard behind its first label", at, host)
		case i == len(all)-1 && !everything:
			return fmt.Errorf("%s: the last rule must match all requests", at)
		case i < len(all)-1 && everything:
			return fmt.Errorf("%s: it matches all requests, so that the rules behind it are never used", at)
		}
	}
	return nil
}
