package settings

import (
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// inputs maps Pulumi's input interfaces to the plain types that they stand for.
var inputs = map[reflect.Type]reflect.Type{
	reflect.TypeFor[pulumi.StringInput]():      reflect.TypeFor[string](),
	reflect.TypeFor[pulumi.IntInput]():         reflect.TypeFor[int](),
	reflect.TypeFor[pulumi.BoolInput]():        reflect.TypeFor[bool](),
	reflect.TypeFor[pulumi.StringArrayInput](): reflect.TypeFor[[]string](),
	reflect.TypeFor[pulumi.StringMapInput]():   reflect.TypeFor[map[string]string](),
}

// wrap turns a plain value into the input it stands for.
func wrap(plain reflect.Value) reflect.Value {
	switch value := plain.Interface().(type) {
	case string:
		return reflect.ValueOf(pulumi.String(value))
	case int:
		return reflect.ValueOf(pulumi.Int(value))
	case bool:
		return reflect.ValueOf(pulumi.Bool(value))
	case []string:
		return reflect.ValueOf(pulumi.ToStringArray(value))
	case map[string]string:
		return reflect.ValueOf(pulumi.ToStringMap(value))
	}
	panic("settings: no input stands for " + plain.Type().String())
}

// unwrap returns the plain value of an input, or false if it is known only
// during the deployment.
func unwrap(input any) (reflect.Value, bool) {
	switch value := input.(type) {
	case pulumi.String:
		return reflect.ValueOf(string(value)), true
	case pulumi.Int:
		return reflect.ValueOf(int(value)), true
	case pulumi.Bool:
		return reflect.ValueOf(bool(value)), true
	case pulumi.StringArray:
		plain := make([]string, len(value))
		for i, item := range value {
			text, ok := item.(pulumi.String)
			if !ok {
				return reflect.Value{}, false
			}
			plain[i] = string(text)
		}
		return reflect.ValueOf(plain), true
	case pulumi.StringMap:
		plain := make(map[string]string, len(value))
		for key, item := range value {
			text, ok := item.(pulumi.String)
			if !ok {
				return reflect.Value{}, false
			}
			plain[key] = string(text)
		}
		return reflect.ValueOf(plain), true
	}
	return reflect.Value{}, false
}

// String returns the text of an input, or false if there is none or it is known
// only during the deployment.
func String(input pulumi.StringInput) (string, bool) {
	text, ok := input.(pulumi.String)
	return string(text), ok
}

// plainType is the type that a configuration gives for a field of type t, and
// whether the field is an input.
func plainType(t reflect.Type) (reflect.Type, bool) {
	plain, isInput := inputs[t]
	if isInput {
		return plain, true
	}
	return t, false
}
