package rule

import (
	"fmt"
	"strings"
)

// Setting is a limit that a team may choose.
type Setting struct {
	// Name in the policy's configuration.
	Name string
	// Meaning for people.
	Meaning string
	// Default holds where nothing is configured. Its type is the setting's: a
	// string, a bool, an int or, as []any, a list of strings.
	Default any
	// Minimum of an int.
	Minimum int
}

// Schema is the JSON schema of the value, with its meaning and default.
func (s Setting) Schema() map[string]any {
	schema := map[string]any{"description": s.Meaning, "default": s.Default}
	switch s.Default.(type) {
	case string:
		schema["type"] = "string"
	case bool:
		schema["type"] = "boolean"
	case int:
		schema["type"], schema["minimum"] = "integer", s.Minimum
	case []any:
		schema["type"], schema["items"] = "array", map[string]any{"type": "string"}
	}
	return schema
}

func (s Setting) accepts(n Node) bool {
	switch s.Default.(type) {
	case string:
		return n.IsText()
	case bool:
		return n.True() || n.False()
	case int:
		number, ok := n.Number()
		return ok && number >= s.Minimum
	}
	texts, known := n.Texts()
	return known && n.IsList() && len(texts) == len(n.Items())
}

func (s Setting) allowed() string {
	switch s.Default.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int:
		return fmt.Sprintf("an integer of at least %d", s.Minimum)
	}
	return "a list of strings"
}

func (r Rule) settingNames() string {
	if len(r.Settings) == 0 {
		return "none"
	}
	names := make([]string, len(r.Settings))
	for i, s := range r.Settings {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
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

// Number is a setting that is an integer.
func (c *Check) Number(name string) int { number, _ := c.setting(name).Number(); return number }

// On is a setting that is true or false.
func (c *Check) On(name string) bool { return c.setting(name).True() }
