package settings

import (
	"fmt"
	"reflect"
)

// Command describes a command's settings.
type Command[S any] struct {
	// Name is the command's.
	Name string
	// start returns settings with the defaults that depend on the command.
	start func() *S
}

// NewCommand returns the settings of a command. start returns a struct in which the
// defaults that depend on the command are filled in.
func NewCommand[S any](name string, start func() *S) Command[S] { return Command[S]{name, start} }

// Load reads the settings from an environment in the form of os.Environ. The error
// holds every mistake.
func (c Command[S]) Load(environ []string) (*S, error) { return load(c.start(), environ) }

// Help lists the settings for people.
func (c Command[S]) Help() string { return help(c.start()) }

// Fields lists the settings.
func (c Command[S]) Fields() []Field { return listFields(c.start()) }

// Incomplete reports missing or contradictory tags, for tests.
func (c Command[S]) Incomplete() []string {
	var found []string
	names, goNames := map[string]bool{}, map[string]bool{}
	for _, f := range c.Fields() {
		say := func(problem string) { found = append(found, fmt.Sprintf("%s: %s: %s", c.Name, f.Name, problem)) }
		if f.Doc == "" {
			say("has no doc")
		}
		if names[f.Name] {
			say("is read twice")
		}
		names[f.Name] = true
		if f.of.Kind() == reflect.String || f.of.Kind() == reflect.Slice {
			continue
		}
		// A value of the wrong type is reported by the name of its Go field.
		if goNames[f.goName] {
			say("shares its Go name with another setting")
		}
		goNames[f.goName] = true
		if f.rules["max"] == "" && f.Allowed == "any string" {
			say("has no range")
		}
	}
	return found
}
