package stack

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/service"
)

// Auth says how a service finds out who calls it. The stack passes it to the program as
// environment variables, which docs/services.md lists; the program does the checking.
type Auth struct {
	// Public declares that the stack gives the service no issuer: either everybody who
	// reaches it may do everything, or the program authenticates callers in its own way. It
	// excludes the other fields.
	Public bool `json:"public"`
	// Issuer of the callers' OpenID Connect tokens, spelled as in their claim iss. The
	// service's egressTo must allow its port.
	Issuer string `json:"issuer" format:"issuer"`
	// Audience is the issuer's name for this service: tokens must list it in aud.
	Audience string `json:"audience"`
}

// Check refuses an issuer without an audience, and the reverse.
func (a Auth) Check(path *field.Path) field.ErrorList {
	switch {
	case a.Public && a.Issuer+a.Audience != "":
		return field.ErrorList{field.Invalid(path.Child("public"), true, "must not be combined with issuer or audience: nobody would ask for tokens")}
	case a.Public:
		return nil
	case a.Issuer == "":
		return field.ErrorList{field.Required(path.Child("issuer"), "the issuer of the callers' tokens; or public: true")}
	case a.Audience == "":
		return field.ErrorList{field.Required(path.Child("audience"), "tokens for other services would be accepted without it")}
	}
	return nil
}

// port is the issuer's TCP port.
func (a Auth) port() int {
	address, err := url.Parse(a.Issuer)
	if err != nil {
		return 0
	}
	if port, err := strconv.Atoi(address.Port()); err == nil {
		return port
	}
	return 443
}

func (a Auth) variables() variables {
	if a.Public {
		return variables{"SCALESTACK_PUBLIC": pulumi.String("true")}
	}
	return variables{"SCALESTACK_OIDC_ISSUER": pulumi.String(a.Issuer), "SCALESTACK_OIDC_AUDIENCE": pulumi.String(a.Audience)}
}

// checkAuth refuses a service that others may call and that says nothing of who may,
// and one that could not ask its issuer for keys.
func (c *Config) checkAuth() field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s, path := c.Services[key], servicePath(key)
		if s.Auth == nil {
			if key != shardctlName && (len(s.IngressFrom) > 0 || s.AllowEdge || c.routed(key)) {
				errs = append(errs, field.Required(path.Child("auth"), "issuer and audience of the callers' tokens; or public: true, with which nobody is asked who they are"))
			}
			continue
		}
		if s.Auth.Issuer != "" && !reaches(s.Args, s.Auth.port()) {
			errs = append(errs, field.Required(path.Child("egressTo"),
				fmt.Sprintf("a target with port %d: the service asks %s for its keys", s.Auth.port(), s.Auth.Issuer)))
		}
	}
	return errs
}

func reaches(a service.Args, port int) bool {
	return slices.ContainsFunc(a.EgressTo, func(target k8s.Target) bool { return target.Port == port })
}
