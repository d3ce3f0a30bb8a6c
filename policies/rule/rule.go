// Package rule says what a policy is: a pure function over a neutral form of
// resources, so that the engine's policy pack and the unit tests run the very
// same checks.
package rule

import "fmt"

// Level is what a violation does.
type Level int

const (
	// Mandatory stops the deployment.
	Mandatory Level = iota
	// Advisory is shown and stops nothing.
	Advisory
)

func (l Level) String() string { return [...]string{"mandatory", "advisory"}[l] }

// Setting is a limit that is a choice.
type Setting struct {
	// Name in the policy's configuration.
	Name string
	// Meaning for people.
	Meaning string
	// Schema is the JSON schema of the value.
	Schema map[string]any
	// Default is what holds when nothing is configured.
	Default any
}

// Rule is one policy. It has either Each or All.
type Rule struct {
	// Name of the policy: lower-case words and '-'.
	Name string
	// Description is one sentence: what must hold, and why.
	Description string
	Level       Level
	Settings    []Setting
	// OursOnly leaves out what a vendor's chart brings.
	OursOnly bool
	// NeedsOptions is for what resource options decide. The SDK hands none to a
	// policy pack, so that such a rule runs in tests only.
	NeedsOptions bool
	// Each looks at one resource.
	Each func(*Check, Resource)
	// All looks at the whole stack. The SDK gives it no configuration.
	All func(*Check, Graph)
}

// Violation is one mistake.
type Violation struct {
	Rule     string
	Resource Resource
	// At is the place in the resource, Found what is there.
	At, Found string
	// Allowed says what may be there, Mend how to get there.
	Allowed, Mend string
}

// Message is for whoever made the mistake.
func (v Violation) Message() string {
	return fmt.Sprintf("%s: %s is %s, allowed: %s. To mend it: %s.", v.Resource, v.At, v.Found, v.Allowed, v.Mend)
}

// Check collects what one rule finds.
type Check struct {
	// Stack is the stack's name, for example prod.
	Stack string

	rule   Rule
	config map[string]any
	found  []Violation
}

// Violations runs the rule. Without a value in config a setting has its default.
func (r Rule) Violations(stack string, config map[string]any, graph Graph) []Violation {
	c := &Check{Stack: stack, rule: r, config: config}
	if r.All != nil {
		r.All(c, graph)
		return c.found
	}
	for _, one := range graph {
		if one.Ours() || !r.OursOnly {
			r.Each(c, one)
		}
	}
	return c.found
}

// Refuse reports what n holds.
func (c *Check) Refuse(r Resource, n Node, allowed, mend string) {
	c.Report(r, n.Path(), n.String(), allowed, mend)
}

// Report reports a mistake that is more than one value.
func (c *Check) Report(r Resource, at, found, allowed, mend string) {
	c.found = append(c.found, Violation{
		Rule: c.rule.Name, Resource: r, At: at, Found: found, Allowed: allowed, Mend: mend,
	})
}

func (c *Check) setting(name string) Node {
	if value, ok := c.config[name]; ok {
		return NewNode(value)
	}
	for _, s := range c.rule.Settings {
		if s.Name == name {
			return NewNode(s.Default)
		}
	}
	panic(fmt.Sprintf("policy %s has no setting %s", c.rule.Name, name))
}

// Texts is a setting that is a list of strings.
func (c *Check) Texts(name string) []string { texts, _ := c.setting(name).Texts(); return texts }

// Text is a setting that is a string.
func (c *Check) Text(name string) string { return c.setting(name).Text() }

// Number is a setting that is a whole number.
func (c *Check) Number(name string) int { number, _ := c.setting(name).Number(); return number }

// On is a setting that is true or false.
func (c *Check) On(name string) bool { return c.setting(name).True() }

// Strings is the schema of a list of strings.
func Strings() map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
}

// Whole is the schema of a whole number of at least least.
func Whole(least int) map[string]any { return map[string]any{"type": "integer", "minimum": least} }
