// Package rule defines what a policy is: a pure function over a neutral form of
// resources, so that the engine's policy pack and the unit tests run the same checks.
package rule

import (
	"errors"
	"fmt"
	"slices"
)

// Level is what a violation does.
type Level int

const (
	// Mandatory stops the deployment.
	Mandatory Level = iota
	// Advisory is shown and stops nothing.
	Advisory
)

func (l Level) String() string { return [...]string{"mandatory", "advisory"}[l] }

// Rule is one policy. It has either Each or All.
type Rule struct {
	// Name of the policy: lower-case words and '-'.
	Name string
	// Description is one sentence: what must hold, and why.
	Description string
	Level       Level
	Settings    []Setting
	// OursOnly leaves out the resources of a vendor's chart.
	OursOnly bool
	// NeedsOptions is for rules about resource options. The SDK does not pass
	// options to a policy pack, so such a rule runs in tests only.
	NeedsOptions bool
	// Each checks one resource, a Patch alone.
	Each func(*Check, Resource)
	// All checks the whole stack. The SDK passes it no configuration.
	All func(*Check, Graph)
	// Unmerged shows All each Patch apart from its object.
	Unmerged bool
}

// Violation is one mistake.
type Violation struct {
	Rule     string
	Resource Resource
	// At is the place in the resource, Found the value there.
	At, Found string
	// Allowed is the range of good values, Fix how to get one.
	Allowed, Fix string
}

// Message is the text for whoever made the mistake.
func (v Violation) Message() string {
	return fmt.Sprintf("%s: %s is %s, allowed: %s. Fix: %s.", v.Resource, v.At, v.Found, v.Allowed, v.Fix)
}

// Check collects the violations of one rule.
type Check struct {
	// Stack is the stack's name, for example prod.
	Stack string

	rule   Rule
	config map[string]any
	found  []Violation
}

// Violations runs the rule. A setting that config does not name has its default. An
// unknown name, or a value of the wrong type, is an error, because a rule that ignored
// it would check less than it was asked to.
func (r Rule) Violations(stack string, config map[string]any, graph Graph) ([]Violation, error) {
	if err := r.configured(config); err != nil {
		return nil, err
	}
	c := &Check{Stack: stack, rule: r, config: config}
	if r.All != nil {
		if !r.Unmerged {
			graph = graph.Patched()
		}
		r.All(c, graph)
		return c.found, nil
	}
	for _, one := range graph {
		if one.Ours() || !r.OursOnly {
			r.Each(c, one)
		}
	}
	return c.found, nil
}

func (r Rule) configured(config map[string]any) error {
	var errs []error
	for _, name := range NewNode(config).Keys() {
		i := slices.IndexFunc(r.Settings, func(s Setting) bool { return s.Name == name })
		if i < 0 {
			errs = append(errs, fmt.Errorf("policy %s has no setting %q, allowed: %s", r.Name, name, r.settingNames()))
			continue
		}
		if n := NewNode(config[name]); !r.Settings[i].accepts(n) {
			errs = append(errs, fmt.Errorf("policy %s: setting %s is %s, allowed: %s", r.Name, name, n, r.Settings[i].allowed()))
		}
	}
	return errors.Join(errs...)
}

// Refuse reports the value of n.
func (c *Check) Refuse(r Resource, n Node, allowed, fix string) {
	c.Report(r, n.Path(), n.String(), allowed, fix)
}

// Report reports a mistake that is more than one value.
func (c *Check) Report(r Resource, at, found, allowed, fix string) {
	c.found = append(c.found, Violation{
		Rule: c.rule.Name, Resource: r, At: at, Found: found, Allowed: allowed, Fix: fix,
	})
}
