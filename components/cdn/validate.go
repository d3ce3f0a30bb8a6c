package cdn

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/scalestack/scalestack/internal/check"
)

var (
	zoneID    = regexp.MustCompile(`^[0-9a-f]{32}$`)
	ref       = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	extension = regexp.MustCompile(`^[a-z0-9]{1,12}$`)
	parameter = regexp.MustCompile(`^[A-Za-z0-9_.~-]{1,64}$`)
	hostName  = regexp.MustCompile(`^(@|[A-Za-z0-9_*-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?)$`)
	printable = regexp.MustCompile(`^[\x21-\x7e]+$`)
)

// Validate returns every mistake at once.
func (a *Args) Validate() error {
	d := a.withDefaults()
	errs := &check.Errors{}
	if !zoneID.MatchString(d.ZoneID) {
		errs.Addf("zoneId", "%q is not 32 hexadecimal digits", d.ZoneID)
	}
	errs.Range("browserTtl", *d.BrowserTTL, 0, MaxTTL)
	checkMode(errs, d)
	checkRules(errs, d)
	checkBypass(errs, d.BypassPrefixes)
	checkRecord(errs, d.Record)
	checkOrigin(errs, d)
	checkPlan(errs, d)
	return errs.Err()
}

func rulePath(i int) string { return fmt.Sprintf("rules[%d]", i) }

func checkRules(errs *check.Errors, a *Args) {
	seen := map[string]int{}
	for i, r := range a.Rules {
		path := rulePath(i)
		checkRef(errs, path, r.Ref)
		if first, twice := seen[r.Ref]; twice {
			errs.Addf(path+".ref", "%q is taken by %s", r.Ref, rulePath(first))
		} else {
			seen[r.Ref] = i
		}
		checkMatch(errs, path, r, a)
		errs.Range(path+".edgeTtl", r.EdgeTTL, 0, MaxTTL)
		errs.Range(path+".browserTtl", r.BrowserTTL, 0, MaxTTL)
		checkQuery(errs, path+".query", r.Query)
		checkStatusTTLs(errs, path, r.StatusTTLs)
	}
}

func checkRef(errs *check.Errors, path, value string) {
	switch {
	case !ref.MatchString(value):
		errs.Addf(path+".ref", "%q is not 1 to 40 of a-z, 0-9 and -", value)
	case strings.HasPrefix(value, bypassRef):
		errs.Addf(path+".ref", "%q begins with %q, which the built-in rules use", value, bypassRef)
	}
}

func checkMatch(errs *check.Errors, path string, r Rule, a *Args) {
	if r.Path == "" && len(r.Extensions) == 0 {
		errs.Addf(path, "has neither path nor extensions, one is required")
	}
	for i, e := range r.Extensions {
		if !extension.MatchString(e) {
			errs.Addf(fmt.Sprintf("%s.extensions[%d]", path, i), "%q is not 1 to 12 of a-z and 0-9, without the dot", e)
		}
	}
	if r.Path != "" {
		checkPath(errs, path+".path", r.Path, a)
	}
}

func checkPath(errs *check.Errors, path, value string, a *Args) {
	literal := strings.TrimSuffix(value, "*")
	switch {
	case !strings.HasPrefix(value, "/") || !printable.MatchString(value) || strings.ContainsAny(literal, "*?#"):
		errs.Addf(path, "%q is not a path such as /static/* or /favicon.ico", value)
		return
	case value == "/*":
		errs.Addf(path, "%q would cache every page of every user, name the folders", value)
		return
	case strings.HasSuffix(value, "*") && !strings.HasSuffix(literal, "/"):
		errs.Addf(path, "%q ends in *, which must follow a /", value)
		return
	}
	for _, prefix := range bypassed(a) {
		if prefix != "/" && strings.HasPrefix(strings.ToLower(literal), prefix) {
			errs.Addf(path, "%q lies below %s, which is never cached", value, prefix)
			return
		}
	}
}

func checkQuery(errs *check.Errors, path string, q Query) {
	errs.OneOf(path+".mode", q.Mode, QueryAll, QueryIgnore, QueryInclude, QueryExclude)
	lists := q.Mode == QueryInclude || q.Mode == QueryExclude
	switch {
	case lists && len(q.Names) == 0:
		errs.Addf(path+".names", "is empty, mode %s needs at least one", q.Mode)
	case !lists && len(q.Names) > 0:
		errs.Addf(path+".names", "%d given, only modes include and exclude take names", len(q.Names))
	}
	for i, n := range q.Names {
		if !parameter.MatchString(n) {
			errs.Addf(fmt.Sprintf("%s.names[%d]", path, i), "%q is not a parameter name", n)
		}
	}
}

func checkStatusTTLs(errs *check.Errors, path string, ttls []StatusTTL) {
	for i, t := range ttls {
		at := fmt.Sprintf("%s.statusTtls[%d]", path, i)
		errs.Range(at+".from", t.From, 100, 599)
		errs.Range(at+".to", t.To, 100, 599)
		errs.Range(at+".ttl", t.TTL, NotKept, MaxTTL)
		if t.To < t.From {
			errs.Addf(at, "to %d is below from %d", t.To, t.From)
		}
	}
}

func checkBypass(errs *check.Errors, prefixes []string) {
	for i, p := range prefixes {
		path := fmt.Sprintf("bypassPrefixes[%d]", i)
		switch {
		case !strings.HasPrefix(p, "/") || !printable.MatchString(p) || strings.ContainsAny(p, "*?#"):
			errs.Addf(path, "%q is not a path prefix such as /orders", p)
		case p == "/":
			errs.Addf(path, "%q would bypass the cache for everything", p)
		case p != strings.ToLower(p):
			errs.Addf(path, "%q is not in lower case (matching ignores case)", p)
		}
	}
}

func checkRecord(errs *check.Errors, r *Record) {
	if r == nil {
		return
	}
	if !hostName.MatchString(r.Name) {
		errs.Addf("record.name", "%q is not a host name", r.Name)
	}
	errs.OneOf("record.type", r.Type, "A", "AAAA", "CNAME")
	ip, err := netip.ParseAddr(r.Content)
	switch {
	case r.Type == "A" && (err != nil || !ip.Is4()):
		errs.Addf("record.content", "%q is not an IPv4 address, as type A needs", r.Content)
	case r.Type == "AAAA" && (err != nil || !ip.Is6()):
		errs.Addf("record.content", "%q is not an IPv6 address, as type AAAA needs", r.Content)
	case r.Type == "CNAME" && (err == nil || !hostName.MatchString(r.Content)):
		errs.Addf("record.content", "%q is not a host name, as type CNAME needs", r.Content)
	}
}
