package gateway

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/settings"
)

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil.
func (a *Args) Validate() error {
	d := settings.WithDefaults(a)
	return settings.Err(append(d.Origin.check(field.NewPath("origin")), settings.Validate(nil, d)...))
}

// Check reports what the fields' ranges cannot express.
func (a *Args) Check(path *field.Path) field.ErrorList {
	errs := component.CheckHost(path.Child("host"), a.Host)
	switch {
	case a.Parent == nil && a.Own == nil:
		errs = append(errs, field.Required(path.Child("parent"), "the Gateway that serves the host; or own, to make one"))
	case a.Parent != nil && a.Own != nil:
		errs = append(errs, field.Forbidden(path.Child("own"), "cannot be combined with parent: a host has one Gateway"))
	}
	if a.Record != nil && a.Own == nil && !kube.Given(a.Record.Target) {
		errs = append(errs, field.Required(path.Child("record", "target"), "the address or host name of the Gateway in parent"))
	}
	if a.Record != nil {
		errs = append(errs, checkTarget(path.Child("record", "target"), a.Record.Target)...)
	}
	return errs
}

// checkTarget refuses an address of the cluster's own network.
func checkTarget(path *field.Path, target pulumi.StringInput) field.ErrorList {
	text, _ := settings.String(target)
	if ip, err := netip.ParseAddr(text); err != nil || component.Public(ip) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, settings.Short(text), "must be a public address, the edge reaches no other")}
}

// Check refuses names that no Gateway and no listener can have.
func (p Parent) Check(path *field.Path) field.ErrorList {
	return slices.Concat(checkName(path.Child("name"), p.Name), checkName(path.Child("listener"), p.Listener))
}

func checkName(path *field.Path, name string) field.ErrorList {
	if name == "" || len(validation.IsDNS1123Subdomain(name)) == 0 {
		return nil // An empty one is reported by its tag.
	}
	return field.ErrorList{field.Invalid(path, settings.Short(name), "must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends")}
}

// Check refuses a listener without a certificate and two listeners on one port.
func (o Own) Check(path *field.Path) field.ErrorList {
	errs := checkName(path.Child("class"), o.Class)
	if o.Issuer == "" && !kube.Given(o.Secret) {
		errs = append(errs, field.Required(path.Child("secret"), "a Secret with the host's certificate; or issuer"))
	}
	if o.RedirectPort != 0 && o.RedirectPort == o.Port {
		errs = append(errs, field.Invalid(path.Child("redirectPort"), o.RedirectPort, fmt.Sprintf("must not be port %d, where HTTPS is served", o.Port)))
	}
	return errs
}

// Check refuses identifiers of another form.
func (r Record) Check(path *field.Path) field.ErrorList {
	return component.CheckIdentifier(path.Child("zoneId"), r.ZoneID)
}

// check refuses a route to nowhere, in a program that uses the component alone.
func (o Origin) check(path *field.Path) field.ErrorList {
	if !kube.Given(o.Service) || o.ServicePort < 1 || o.ServicePort > 65535 {
		return field.ErrorList{field.Required(path, "the name of a Service and its port")}
	}
	return nil
}
