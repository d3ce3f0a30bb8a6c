package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/expression"
)

// PageRule is one page rule, ready to be evaluated. Of those that match a URL
// the one with the highest priority takes effect, alone (page "Page Rules",
// Priority order matters).
type PageRule struct {
	// Target is the URL pattern.
	Target   string
	Priority int
	Active   bool
	// Level is the cache level that replaces the zone's, or "".
	Level string
	// SortQuery replaces the zone's setting, or is "".
	SortQuery string
	Set       Parameters

	pattern expression.Wildcard
	scheme  string
	port    bool
}

// Matches compares without case (page "Additional reference"). A pattern
// without a scheme or port takes any.
func (p *PageRule) Matches(r *expression.Request) bool {
	if p.scheme != "" && p.scheme != r.Scheme {
		return false
	}
	host := r.Host
	if !p.port {
		host, _, _ = strings.Cut(host, ":")
	}
	return p.pattern.Matches(host + r.URI())
}

// loadPageRules returns them with the highest priority first.
func loadPageRules(path string) ([]PageRule, error) {
	f, err := read(path)
	if err != nil {
		return nil, err
	}
	var all []PageRule
	for id, resource := range f.Resources {
		p, err := compilePage(resource.Properties)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, id, err)
		}
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b PageRule) int { return b.Priority - a.Priority })
	for i := 1; i < len(all); i++ {
		if all[i].Priority == all[i-1].Priority {
			return nil, fmt.Errorf("%s: %s and %s have one priority, %d", path, all[i-1].Target, all[i].Target, all[i].Priority)
		}
	}
	return all, nil
}

func compilePage(raw json.RawMessage) (*PageRule, error) {
	var in struct {
		ZoneID   string      `json:"zoneId"`
		Target   string      `json:"target"`
		Priority int         `json:"priority"`
		Status   string      `json:"status"`
		Actions  pageActions `json:"actions"`
	}
	if err := decodeStrict(raw, &in); err != nil {
		return nil, err
	}
	p := &PageRule{Target: in.Target, Priority: in.Priority, Active: in.Status != "disabled"}
	if err := p.compileTarget(); err != nil {
		return nil, fmt.Errorf("target: %w in %s", err, in.Target)
	}
	if err := in.Actions.apply(p); err != nil {
		return nil, fmt.Errorf("actions.%w", err)
	}
	return p, nil
}

func (p *PageRule) compileTarget() (err error) {
	rest := p.Target
	if scheme, after, found := strings.Cut(rest, "://"); found && !strings.Contains(scheme, "/") {
		if scheme != "http" && scheme != "https" {
			return fmt.Errorf("the scheme %q is not http or https", scheme)
		}
		p.scheme, rest = scheme, after
	}
	host, _, found := strings.Cut(rest, "/")
	if !found || host == "" {
		return fmt.Errorf("no path after a host name")
	}
	p.port = strings.Contains(host, ":")
	p.pattern, err = expression.ParseWildcard(rest, false)
	return err
}
