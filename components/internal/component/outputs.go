// Package component has what all components share, Kubernetes or not.
package component

import (
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Outputs are the fields of a component that carry a pulumi tag, under their tags:
// what RegisterResourceOutputs takes. Each such field is a pulumi.Input.
func Outputs(made pulumi.ComponentResource) pulumi.Map {
	value := reflect.ValueOf(made).Elem()
	outputs := pulumi.Map{}
	for _, field := range reflect.VisibleFields(value.Type()) {
		if name := field.Tag.Get("pulumi"); name != "" && len(field.Index) == 1 {
			outputs[name] = value.FieldByIndex(field.Index).Interface().(pulumi.Input)
		}
	}
	return outputs
}
