package settings

import (
	"fmt"
	"path"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Package is the schema of a Pulumi package of components, in the form that the engine
// and the generators of SDKs read. Fields that no component here needs are left out.
//
// It has no default values: an SDK would keep those of its own release. The descriptions
// name them, and the component fills them in.
type Package struct {
	Name        string                    `json:"name"`
	DisplayName string                    `json:"displayName"`
	Description string                    `json:"description"`
	License     string                    `json:"license"`
	Meta        map[string]string         `json:"meta"`
	Language    map[string]any            `json:"language"`
	Types       map[string]*ObjectType    `json:"types"`
	Resources   map[string]*ComponentType `json:"resources"`

	docs *Docs
}

// ObjectType is a struct.
type ObjectType struct {
	Description string                   `json:"description,omitempty"`
	Type        string                   `json:"type,omitempty"`
	Properties  map[string]*PropertyType `json:"properties"`
	Required    []string                 `json:"required,omitempty"`
}

// ComponentType is a component with its inputs; the properties of its ObjectType are its
// outputs.
type ComponentType struct {
	ObjectType
	IsComponent     bool                     `json:"isComponent"`
	InputProperties map[string]*PropertyType `json:"inputProperties"`
	RequiredInputs  []string                 `json:"requiredInputs,omitempty"`
}

// PropertyType is a field.
type PropertyType struct {
	TypeSpec
	Description string `json:"description,omitempty"`
}

// TypeSpec is a field's type. One that is plain takes no outputs of other resources.
type TypeSpec struct {
	Type                 string    `json:"type,omitempty"`
	Ref                  string    `json:"$ref,omitempty"`
	Plain                bool      `json:"plain,omitempty"`
	Items                *TypeSpec `json:"items,omitempty"`
	AdditionalProperties *TypeSpec `json:"additionalProperties,omitempty"`
}

// NewPackage returns a package without components. Comments come from docs.
func NewPackage(name string, docs *Docs) *Package {
	return &Package{Name: name, Types: map[string]*ObjectType{}, Resources: map[string]*ComponentType{}, docs: docs}
}

// Add describes the component with this token, made from the struct args, whose fields
// with a pulumi tag are its outputs.
func (p *Package) Add(token string, component, args reflect.Type) {
	outputs, inputs := p.object(component), p.object(args)
	outputs.Type = ""
	p.Resources[token] = &ComponentType{
		ObjectType: *outputs, IsComponent: true, InputProperties: inputs.Properties, RequiredInputs: inputs.Required,
	}
}

func (p *Package) object(t reflect.Type) *ObjectType {
	object := &ObjectType{Description: p.docs.Type(t), Type: "object", Properties: map[string]*PropertyType{}}
	for _, s := range settingsOf(t) {
		if s.exported == "" {
			continue
		}
		object.Properties[s.exported] = &PropertyType{TypeSpec: *p.typeOf(s.typ), Description: p.describe(s)}
		if !s.optional {
			object.Required = append(object.Required, s.exported)
		}
	}
	return object
}

// describe adds to the field's comment what its tags say.
func (p *Package) describe(s setting) string {
	text := p.docs.Field(s)
	if s.tag.Get("enum")+s.tag.Get("min")+s.tag.Get("format") != "" {
		text += " It takes " + s.describe() + "."
	}
	if standard, ok := s.tag.Lookup("default"); ok {
		text += " Default: `" + standard + "`."
	}
	return text
}

// typeOf is the type of a field of an Args struct, or of a component's output.
func (p *Package) typeOf(t reflect.Type) *TypeSpec {
	if t.Implements(reflect.TypeFor[pulumi.Output]()) {
		return notPlain(p.typeOf(reflect.Zero(t).Interface().(pulumi.Output).ElementType()))
	}
	if plain, isInput := plainType(t); isInput {
		return notPlain(p.typeOf(plain))
	}
	switch t.Kind() {
	case reflect.Pointer:
		return p.typeOf(t.Elem())
	case reflect.Struct:
		return &TypeSpec{Ref: "#/types/" + p.register(t), Plain: true}
	case reflect.Slice:
		return &TypeSpec{Type: "array", Items: p.typeOf(t.Elem()), Plain: true}
	case reflect.Map:
		return &TypeSpec{Type: "object", AdditionalProperties: p.typeOf(t.Elem()), Plain: true}
	case reflect.Int:
		return &TypeSpec{Type: "integer", Plain: true}
	case reflect.Bool:
		return &TypeSpec{Type: "boolean", Plain: true}
	case reflect.String:
		return &TypeSpec{Type: "string", Plain: true}
	case reflect.Interface:
		return &TypeSpec{Ref: "pulumi.json#/Any"}
	}
	panic(fmt.Sprintf("settings: no other language has a %s", t))
}

func notPlain(t *TypeSpec) *TypeSpec {
	t.Plain = false
	if t.Items != nil {
		notPlain(t.Items)
	}
	if t.AdditionalProperties != nil {
		notPlain(t.AdditionalProperties)
	}
	return t
}

// register describes a struct once, and returns its token. The arguments of another
// component have that component's name.
func (p *Package) register(t reflect.Type) string {
	module := path.Base(t.PkgPath())
	name := t.Name()
	if name == "Args" {
		name = strings.ToUpper(module[:1]) + module[1:]
	}
	token := p.Name + ":" + module + ":" + name
	if p.Types[token] == nil {
		p.Types[token] = &ObjectType{} // ends a struct that holds itself
		p.Types[token] = p.object(t)
	}
	return token
}
