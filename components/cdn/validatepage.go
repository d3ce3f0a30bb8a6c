package cdn

import (
	"regexp"
	"strings"

	"github.com/scalestack/scalestack/internal/check"
)

// siteName has no *: one in front of the zone's name would match inside paths
// and query strings as well.
var siteName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`)

func checkMode(errs *check.Errors, a *Args) {
	errs.OneOf("mode", string(a.Mode), string(ModeCacheRules), string(ModePageRules))
	switch {
	case a.Mode == ModePageRules && !siteName.MatchString(a.Hostname):
		errs.Addf("hostname", "%q is not a host name in lower case such as www.example.com, which mode pageRules needs", a.Hostname)
	case a.Mode != ModePageRules && a.Hostname != "":
		errs.Addf("hostname", "%q given, only mode pageRules uses it", a.Hostname)
	}
}

// checkPageRule refuses what a page rule cannot say: a rule that is only nearly
// what was asked for caches what it must not.
func checkPageRule(errs *check.Errors, path string, r Rule, a *Args, limit limits) {
	if len(r.Extensions) > 0 {
		errs.Addf(path+".extensions", "is not possible with mode pageRules: their * reaches into the query string, "+
			"so that /users/1?x=.%s would be cached; name a folder", r.Extensions[0])
	}
	if strings.ContainsAny(r.Path, "%;") {
		errs.Addf(path+".path", "%q has %% or ; in it, and mode pageRules never caches such a URL", r.Path)
	}
	if r.RefuseStale {
		errs.Addf(path+".serveStale", "false is not possible with mode pageRules, which has no such setting; "+
			"let the origin send no stale-while-revalidate")
	}
	if !limit.pageExtras {
		checkPageExtras(errs, path, r, a)
	}
}

// checkPageExtras is about what page rules have on Enterprise alone.
func checkPageExtras(errs *check.Errors, path string, r Rule, a *Args) {
	refuse := func(setting, value string) {
		errs.Addf(path+setting, "%s needs plan enterprise with mode pageRules, the zone has %s; mode cacheRules takes it on every plan", value, a.Plan)
	}
	if r.Query.Mode == QueryIgnore {
		refuse(".query.mode", `"ignore"`)
	}
	if len(r.StatusTTLs) > 0 {
		refuse(".statusTtls", "a lifetime by status code")
	}
	if r.StrongETags {
		refuse(".strongEtags", "true")
	}
	if r.BrowserTTL == 0 && *a.BrowserTTL != 0 {
		refuse(".browserTtl", "0 (respect the origin)")
	}
}
