package cloudflare

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

const (
	tunnelKind = "zeroTrustTunnelCloudflared"
	// tunnelDomain is that of the names of tunnels, which records lead to.
	tunnelDomain = ".cfargotunnel.com"
	// leastSecret is how many bytes the API wants of a tunnel's password.
	leastSecret = 32
)

// tunnel is a Cloudflare Tunnel. It belongs to an account and not to a zone. Nothing
// connects to it: there is no edge behind it.
func tunnel(all *store) provider.Resource {
	fixed := provider.Field{Kind: provider.String, Required: true, Replace: true}
	secret, source := fixed, provider.Field{Kind: provider.String, Replace: true, OneOf: []string{"local", "cloudflare"}}
	secret.Secret = true
	return provider.Resource{
		Fields: provider.Fields{
			"accountId": fixed, "name": fixed, "secret": secret, "configSrc": source,
			"cname":       {Kind: provider.String, Computed: true, Stable: true},
			"tunnelToken": {Kind: provider.String, Computed: true, Stable: true, Secret: true},
		},
		Create: func(in property.Map) (id string, state property.Map, err error) {
			err = all.account(in, func(applied *Zone) error {
				if err := mayCreateTunnel(applied, in); err != nil {
					return err
				}
				id = uuid.NewString()
				state = in.Set("cname", property.New(id+tunnelDomain)).Set("tunnelToken", property.New(tokenOf(in, id)).WithSecret(true))
				applied.put(id, provider.Plain(state))
				return nil
			})
			return id, state, err
		},
		Read: func(id string, state property.Map) (string, property.Map, bool, error) {
			account := textOf(state, "accountId")
			if before, after, imported := strings.Cut(id, "/"); imported {
				account, id = before, after
			}
			applied, err := Load(all.dir, accountFolder(account), tunnelKind)
			if err != nil || all.token != nil {
				return "", property.Map{}, false, errors.Join(err, all.token)
			}
			found, exists := applied.Resources[id]
			delete(found.Properties, rulesField)
			return id, provider.FromPlain(found.Properties), exists, nil
		},
		Delete: func(id string, state property.Map) error {
			return all.account(state, func(applied *Zone) error {
				if _, exists := applied.Resources[id]; !exists {
					return fmt.Errorf("404: account %s has no tunnel %s; run pulumi refresh", textOf(state, "accountId"), id)
				}
				delete(applied.Resources, id)
				return nil
			})
		},
	}
}

// mayCreateTunnel is what the API refuses.
func mayCreateTunnel(applied *Zone, in property.Map) error {
	if secret, err := base64.StdEncoding.DecodeString(textOf(in, "secret")); err != nil || len(secret) < leastSecret {
		return fmt.Errorf("the API refuses secret: it is not %d bytes or more in base64", leastSecret)
	}
	for _, id := range sortedIDs(applied) {
		if applied.Resources[id].Properties["name"] == textOf(in, "name") {
			return fmt.Errorf("the API refuses name: the account already has a tunnel %s (it has id %s)", textOf(in, "name"), id)
		}
	}
	return nil
}

// tokenOf is what cloudflared runs a tunnel with: the account's tag, the tunnel's id
// and its password, as JSON in base64.
func tokenOf(in property.Map, id string) string {
	text, err := json.Marshal(map[string]string{"a": textOf(in, "accountId"), "t": id, "s": textOf(in, "secret")})
	if err != nil {
		panic(err) // strings always have a form in JSON
	}
	return base64.StdEncoding.EncodeToString(text)
}

func accountFolder(account string) string { return filepath.Join("accounts", account) }

// account applies f to an account's tunnels under a lock.
func (s *store) account(in property.Map, f func(*Zone) error) error {
	account := textOf(in, "accountId")
	if !zoneForm.MatchString(account) {
		return fmt.Errorf("the API refuses accountId: %q is not 32 hexadecimal digits", account)
	}
	if s.token != nil {
		return s.token
	}
	folder := filepath.Join(s.dir, accountFolder(account))
	lock, err := lockFolder(folder)
	if err != nil {
		return err
	}
	defer lock.Close()
	applied, err := Load(s.dir, accountFolder(account), tunnelKind)
	if err != nil {
		return err
	}
	if err := f(applied); err != nil {
		return err
	}
	return save(filepath.Join(folder, tunnelKind+".json"), applied)
}
