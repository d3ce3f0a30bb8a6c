package cdn

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// checkURLs refuses a path that two page rules have: a zone takes one for each URL.
func (a *Args) checkURLs(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, r := range a.Rules {
		if seen[r.Path] && r.Path != "" {
			errs = append(errs, field.Duplicate(path.Index(i).Child("path"), settings.Short(r.Path)))
		}
		seen[r.Path] = true
	}
	return errs
}

// checkPageRule refuses what a page rule cannot express: a rule that is only almost
// what was asked for caches what it must not.
func (a *Args) checkPageRule(path *field.Path, r Rule, limit limits) field.ErrorList {
	var errs field.ErrorList
	if len(r.Extensions) > 0 {
		errs = append(errs, field.Forbidden(path.Child("extensions"), "mode pageRules has none: their * reaches into the query string, "+
			"so that /users/1?x=."+settings.Short(r.Extensions[0])+" would be cached; name a folder"))
	}
	if strings.ContainsAny(r.Path, "%;") {
		errs = append(errs, field.Invalid(path.Child("path"), settings.Short(r.Path), "must not have % or ; in it, mode pageRules never caches such a URL"))
	}
	if !*r.ServeStale {
		errs = append(errs, field.Invalid(path.Child("serveStale"), false, "mode pageRules has no such setting; let the origin send no stale-while-revalidate"))
	}
	if !limit.pageExtras {
		errs = append(errs, a.checkPageExtras(path, r)...)
	}
	return errs
}

// checkPageExtras checks what page rules have only on Enterprise.
func (a *Args) checkPageExtras(path *field.Path, r Rule) field.ErrorList {
	var errs field.ErrorList
	refuse := func(at *field.Path, value any) {
		errs = append(errs, field.Invalid(at, value, fmt.Sprintf(
			"needs plan enterprise with mode pageRules, the zone has %s; mode cacheRules takes it on every plan", a.Plan)))
	}
	if r.Query.Mode == QueryIgnore {
		refuse(path.Child("query", "mode"), r.Query.Mode)
	}
	if len(r.StatusTTLs) > 0 {
		refuse(path.Child("statusTtls"), len(r.StatusTTLs))
	}
	if r.StrongETags {
		refuse(path.Child("strongEtags"), true)
	}
	if r.BrowserTTL == 0 && *a.BrowserTTL != 0 {
		refuse(path.Child("browserTtl"), 0)
	}
	return errs
}
