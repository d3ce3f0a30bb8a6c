// Package component holds what all components share, Kubernetes or not.
package component

import (
	"fmt"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Outputs are the fields of a component that carry a pulumi tag, under their tags:
// what RegisterResourceOutputs takes. Each such field is a pulumi.Input, a string, an
// integer, or a list or struct of these.
func Outputs(made pulumi.ComponentResource) pulumi.Map {
	return tagged(reflect.ValueOf(made).Elem())
}

func tagged(value reflect.Value) pulumi.Map {
	outputs := pulumi.Map{}
	for _, field := range reflect.VisibleFields(value.Type()) {
		if name := field.Tag.Get("pulumi"); name != "" && len(field.Index) == 1 {
			outputs[name] = output(value.FieldByIndex(field.Index))
		}
	}
	return outputs
}

func output(value reflect.Value) pulumi.Input {
	if input, ok := value.Interface().(pulumi.Input); ok {
		return input
	}
	switch value.Kind() {
	case reflect.String:
		return pulumi.String(value.String())
	case reflect.Int:
		return pulumi.Int(value.Int())
	case reflect.Struct:
		return tagged(value)
	case reflect.Slice:
		items := pulumi.Array{}
		for i := range value.Len() {
			items = append(items, output(value.Index(i)))
		}
		return items
	}
	panic(fmt.Sprintf("component: a %s is no output", value.Type()))
}
