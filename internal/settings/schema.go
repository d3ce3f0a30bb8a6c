package settings

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Property is one setting as a JSON Schema, draft 2020-12.
type Property struct {
	Schema               string               `json:"$schema,omitempty"`
	Title                string               `json:"title,omitempty"`
	Description          string               `json:"description,omitempty"`
	Type                 string               `json:"type,omitempty"`
	Enum                 []string             `json:"enum,omitempty"`
	Minimum              *int64               `json:"minimum,omitempty"`
	Maximum              *int64               `json:"maximum,omitempty"`
	Default              any                  `json:"default,omitempty"`
	Required             []string             `json:"required,omitempty"`
	Properties           map[string]*Property `json:"properties,omitempty"`
	PropertyNames        *Keys                `json:"propertyNames,omitempty"`
	AdditionalProperties any                  `json:"additionalProperties,omitempty"`
	Items                *Property            `json:"items,omitempty"`

	// order keeps the fields' order for Table; rule says what is allowed in words.
	order []string
	rule  string
}

// Keys are those that a map takes.
type Keys struct {
	Pattern string `json:"pattern"`
}

// integers are keys such as 7, written in one way only.
var integers = &Keys{Pattern: "^(0|-?[1-9][0-9]*)$"}

// Schema describes the settings of a struct type. Comments come from docs.
func Schema(t reflect.Type, docs *Docs) *Property {
	p := object(t, docs)
	p.Schema = "https://json-schema.org/draft/2020-12/schema"
	return p
}

func object(t reflect.Type, docs *Docs) *Property {
	p := &Property{Type: "object", Properties: map[string]*Property{}, AdditionalProperties: false}
	for _, s := range settingsOf(t) {
		if s.hidden {
			continue
		}
		member := property(s, s.typ, docs)
		member.Description = docs.Field(s)
		member.rule = s.describe()
		if text, ok := s.tag.Lookup("default"); ok {
			member.Default = s.documented(text)
		}
		p.Properties[s.name] = member
		p.order = append(p.order, s.name)
		if s.required() {
			p.Required = append(p.Required, s.name)
		}
	}
	return p
}

// property describes a value of type t for which the tags of s hold.
func property(s setting, t reflect.Type, docs *Docs) *Property {
	plain, _ := plainType(t)
	switch plain.Kind() {
	case reflect.Pointer:
		return property(s, plain.Elem(), docs)
	case reflect.Struct:
		return object(plain, docs)
	case reflect.Slice:
		return &Property{Type: "array", Items: property(s.item(plain.Elem()), plain.Elem(), docs)}
	case reflect.Map:
		p := &Property{Type: "object", AdditionalProperties: property(s.item(plain.Elem()), plain.Elem(), docs)}
		if plain.Key().Kind() == reflect.Int {
			p.PropertyNames = integers
		}
		return p
	case reflect.Int:
		p := &Property{Type: "integer"}
		if least, most, bounded := s.bounds(); bounded {
			p.Minimum, p.Maximum = &least, &most
		}
		return p
	case reflect.Bool:
		return &Property{Type: "boolean"}
	case reflect.String:
		return &Property{Type: "string", Enum: s.enum()}
	}
	panic(fmt.Sprintf("settings: %s.%s: a configuration cannot give a %s", s.owner, s.goName, t))
}

// documented is a default as JSON has it.
func (s setting) documented(text string) any {
	plain, _ := plainType(s.typ)
	if plain.Kind() == reflect.Pointer {
		plain = plain.Elem()
	}
	if plain.Kind() == reflect.String {
		return text
	}
	return json.RawMessage(text)
}

// Keys lists the settings of an object in the order of their fields.
func (p *Property) Keys() []string { return p.order }

// Table renders the settings as rows of a Markdown table with the columns
// setting, meaning, allowed and default.
func Table(p *Property) string {
	var out strings.Builder
	rows(&out, "", p)
	return out.String()
}

func rows(out *strings.Builder, path string, p *Property) {
	for _, name := range p.order {
		member, at := p.Properties[name], name
		if path != "" {
			at = path + "." + name
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", at, cell(member.Description), cell(member.rule), shown(member.Default))
		inside(out, at, member)
	}
}

func inside(out *strings.Builder, at string, p *Property) {
	rows(out, at, p)
	if p.Items != nil {
		inside(out, at+"[]", p.Items)
	}
	if values, ok := p.AdditionalProperties.(*Property); ok {
		inside(out, at+".<name>", values)
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func shown(value any) string {
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return "`" + string(text) + "`"
}
