package k8s

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// TLS encrypts all connections to a component's servers and lets clients verify them.
// Exactly one of Secret and Issuer is set.
type TLS struct {
	// Secret in Namespace with the keys tls.crt, tls.key and ca.crt, which you or a tool
	// create and renew. Its one certificate is for all of the component's servers and
	// covers the names under which they are reached, which docs/tls.md lists; wildcards for
	// the first label will do. The key must have no passphrase. ca.crt has the roots that
	// clients trust: while the authority changes, both the old one and the new one.
	Secret string `json:"secret" pulumi:"secret,optional" format:"label"`
	// Issuer of cert-manager in the cluster. The component then creates a Certificate
	// <component>-tls with all names, which cert-manager issues into the Secret of that
	// name and renews.
	Issuer *Issuer `json:"issuer" pulumi:"issuer,optional"`
	// Mode says what the servers do with clear-text connections: accept them (offer) or
	// refuse them (require). Servers that have clear-text clients start with offer: their
	// clients get TLS after the servers.
	Mode TLSMode `json:"mode" pulumi:"mode,optional" default:"require" enum:"offer,require"`
}

// Issuer is one of cert-manager's. It has to give its own certificate (ca.crt), as the
// types CA, Vault, Venafi and SelfSigned do and ACME does not.
type Issuer struct {
	// Name of the issuer.
	Name string `json:"name" pulumi:"name" required:"true" format:"label"`
	// Kind of the issuer.
	Kind string `json:"kind" pulumi:"kind,optional" default:"Issuer" enum:"Issuer,ClusterIssuer"`
	// DurationHours is how long each certificate is valid. It is renewed when a third of
	// that time is left.
	DurationHours int `json:"durationHours" pulumi:"durationHours,optional" default:"2160" min:"24" max:"87600"`
}

// TLSMode says what servers do with clear-text connections.
type TLSMode string

const (
	// TLSOffer takes connections with and without TLS.
	TLSOffer TLSMode = "offer"
	// TLSRequire refuses connections without TLS.
	TLSRequire TLSMode = "require"
)

// AuthorityKey is the key of the Secret with what clients trust.
const AuthorityKey = "ca.crt"

// Check reports what the fields' ranges cannot express.
func (t *TLS) Check(path *field.Path) field.ErrorList {
	switch {
	case t.Secret == "" && t.Issuer == nil:
		return field.ErrorList{field.Required(path, "one of secret and issuer")}
	case t.Secret != "" && t.Issuer != nil:
		return field.ErrorList{field.Forbidden(path.Child("secret"), "is given together with issuer, which makes its own")}
	}
	return nil
}

// Requires reports whether the servers refuse clear text.
func (t *TLS) Requires() bool { return t != nil && t.Mode == TLSRequire }

// SecretOf is the name of the Secret with the certificate of the component with this name,
// or "" without TLS.
func (t *TLS) SecretOf(component string) string {
	switch {
	case t == nil:
		return ""
	case t.Issuer != nil:
		return component + "-tls"
	}
	return t.Secret
}

// Authority gives a client of the component what it needs to verify the servers, as the
// file AuthorityKey at a path. Nothing else of the Secret is for clients. The name is the
// volume's.
func (t *TLS) Authority(component, name, path string) Mount {
	return Mount{Name: name, Path: path, Secrets: []SecretFiles{{
		Secret: pulumi.String(t.SecretOf(component)), Files: map[string]string{AuthorityKey: AuthorityKey},
	}}}
}
