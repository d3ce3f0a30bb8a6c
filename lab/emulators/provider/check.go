package provider

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Failure is one mistake in a resource's inputs.
type Failure struct {
	// Path names the property, for example rules[0].expression.
	Path string
	// Problem quotes the value and says what is allowed.
	Problem string
}

// Failf makes a Failure.
func Failf(path, format string, args ...any) Failure {
	return Failure{Path: path, Problem: fmt.Sprintf(format, args...)}
}

// check returns every mistake in m. An unknown value is taken as right.
func (fields Fields) check(prefix string, m property.Map) []Failure {
	var found []Failure
	for name := range m.AllStable {
		if field, ok := fields[name]; !ok || field.Computed {
			found = append(found, Failf(join(prefix, name), "is not a known input; known are %s", fields.inputNames()))
		}
	}
	for _, name := range fields.names() {
		field, path := fields[name], join(prefix, name)
		value, ok := given(m, name)
		switch {
		case field.Computed:
		case ok:
			found = append(found, field.check(path, value)...)
		case field.Required:
			found = append(found, Failf(path, "is required"))
		}
	}
	return found
}

func (f Field) check(path string, v property.Value) []Failure {
	if v.IsComputed() {
		return nil
	}
	if !f.fits(v) {
		return []Failure{Failf(path, "is not %s", f.Kind)}
	}
	switch f.Kind {
	case Object:
		return f.Fields.check(path, v.AsMap())
	case List:
		var found []Failure
		for i, item := range v.AsArray().AsSlice() {
			found = append(found, f.Elem.check(fmt.Sprintf("%s[%d]", path, i), item)...)
		}
		return found
	case Map:
		var found []Failure
		for key, item := range v.AsMap().AllStable {
			found = append(found, f.Elem.check(join(path, key), item)...)
		}
		return found
	case String:
		return f.checkString(path, v)
	case Int:
		return f.checkInt(path, v)
	}
	return nil
}

func (f Field) checkString(path string, v property.Value) []Failure {
	switch {
	case len(f.OneOf) > 0 && !slices.Contains(f.OneOf, v.AsString()):
		return []Failure{Failf(path, "%s is not one of %s", quote(v), strings.Join(f.OneOf, ", "))}
	}
	return nil
}

func (f Field) checkInt(path string, v property.Value) []Failure {
	if n := v.AsNumber(); (f.AtLeast != 0 || f.AtMost != 0) && (n < float64(f.AtLeast) || n > float64(f.AtMost)) {
		switch {
		case f.AtMost == math.MaxInt:
			return []Failure{Failf(path, "%s is not at least %d", quote(v), f.AtLeast)}
		case f.AtLeast == math.MinInt:
			return []Failure{Failf(path, "%s is not at most %d", quote(v), f.AtMost)}
		}
		return []Failure{Failf(path, "%s is not between %d and %d", quote(v), f.AtLeast, f.AtMost)}
	}
	return nil
}

func (f Field) fits(v property.Value) bool {
	switch f.Kind {
	case String:
		return v.IsString()
	case Int:
		return v.IsNumber() && v.AsNumber() == math.Trunc(v.AsNumber())
	case Bool:
		return v.IsBool()
	case List:
		return v.IsArray()
	default:
		return v.IsMap()
	}
}

// quote shows a value in a message, unless it is secret.
func quote(v property.Value) string {
	switch {
	case v.Secret():
		return "the secret value"
	case v.IsNumber():
		return fmt.Sprintf("%.0f", v.AsNumber())
	}
	return fmt.Sprintf("%q", v.AsString())
}

func (fields Fields) inputNames() string {
	names := slices.DeleteFunc(fields.names(), func(name string) bool { return fields[name].Computed })
	return strings.Join(names, ", ")
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
