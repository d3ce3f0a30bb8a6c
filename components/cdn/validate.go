package cdn

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/internal/edge/policy"
	edge "github.com/scalestack/scalestack/internal/edge/rules"
	"github.com/scalestack/scalestack/internal/settings"
)

var (
	hostName = regexp.MustCompile(`^(@|[A-Za-z0-9_*-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?)$`)
	// siteName has no *: one in front of the zone's name would match inside paths
	// and query strings as well.
	siteName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`)
)

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil. Values that are known only during the deployment are checked
// by Cloudflare.
func (a *Args) Validate() error { return settings.Err(settings.Validate(nil, a.withDefaults())) }

// Check reports what the fields' ranges cannot express.
func (a *Args) Check(path *field.Path) field.ErrorList {
	return slices.Concat(
		a.checkZone(path.Child("zoneId")),
		a.checkHostname(path.Child("hostname")),
		a.checkRefs(path.Child("rules")),
		a.checkBypassed(path.Child("rules")),
		checkPrefixes(path.Child("bypassPrefixes"), a.BypassPrefixes),
		checkRanges(path.Child("edgeRanges"), a.EdgeRanges),
		a.checkPlan(path),
	)
}

func (a *Args) checkZone(path *field.Path) field.ErrorList {
	if id, known := settings.String(a.ZoneID); a.ZoneID == nil || known && id == "" {
		return field.ErrorList{field.Required(path, component.IdentifierForm)}
	}
	return component.CheckIdentifier(path, a.ZoneID)
}

func (a *Args) checkHostname(path *field.Path) field.ErrorList {
	const site = "a host name in lower case such as www.example.com, which mode pageRules needs"
	switch {
	case a.Mode == ModePageRules && a.Hostname == "":
		return field.ErrorList{field.Required(path, site)}
	case a.Mode == ModePageRules && !siteName.MatchString(a.Hostname):
		return field.ErrorList{field.Invalid(path, settings.Short(a.Hostname), "must be "+site)}
	case a.Mode == ModePageRules && a.Record != nil && !a.Record.mayBe(a.Hostname):
		return field.ErrorList{field.Invalid(path, a.Hostname, "must be the host of record: on another one no rule keeps users' pages out of the cache")}
	case a.Mode == ModeCacheRules && a.Hostname != "":
		return field.ErrorList{field.Invalid(path, settings.Short(a.Hostname), "must be left out, only mode pageRules uses it")}
	}
	return nil
}

// checkRefs refuses a ref that two rules have.
func (a *Args) checkRefs(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, r := range a.Rules {
		if seen[r.Ref] && r.Ref != "" {
			errs = append(errs, field.Duplicate(path.Index(i).Child("ref"), r.Ref))
		}
		seen[r.Ref] = true
	}
	return errs
}

// checkBypassed refuses rules for paths that a bypass rule keeps out of the cache.
func (a *Args) checkBypassed(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, r := range a.Rules {
		if r.Path == "" || pathProblem(r.Path) != "" {
			continue
		}
		literal := strings.ToLower(strings.TrimSuffix(r.Path, "*"))
		for _, prefix := range slices.Concat(AlwaysBypassed(), a.BypassPrefixes) {
			if prefixProblem(prefix) == "" && strings.HasPrefix(literal, prefix) {
				errs = append(errs, field.Invalid(path.Index(i).Child("path"), settings.Short(r.Path), "must not lie below "+prefix+", which is never cached"))
				break
			}
		}
	}
	return errs
}

func checkPrefixes(path *field.Path, list []string) field.ErrorList {
	var errs field.ErrorList
	for i, one := range list {
		if slices.Index(list, one) < i {
			errs = append(errs, field.Duplicate(path.Index(i), settings.Short(one)))
			continue
		}
		if problem := prefixProblem(one); problem != "" {
			errs = append(errs, field.Invalid(path.Index(i), settings.Short(one), problem))
		}
	}
	return errs
}

func prefixProblem(prefix string) string {
	switch {
	case !strings.HasPrefix(prefix, "/") || !printable.MatchString(prefix) || strings.ContainsAny(prefix, "*?#"):
		return "must be a path prefix such as /orders"
	case prefix == "/":
		return "must name a folder: this would match everything"
	case prefix != strings.ToLower(prefix):
		return "must be in lower case (matching ignores case)"
	}
	return unseen(prefix, strings.ToLower(seen(prefix)))
}

// seen is what rules see of a path, after Cloudflare's normalization.
func seen(path string) string { return policy.NormalizePath(path, edge.Normalization{}) }

// unseen refuses a path that no rule would ever match, because a bypass for it would
// bypass nothing.
func unseen(path, seen string) string {
	if path == seen {
		return ""
	}
	return "must be as rules see it, which is " + settings.Short(seen)
}
