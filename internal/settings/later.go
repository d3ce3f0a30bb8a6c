package settings

import (
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// decodeInput sets an input to a value that is known, or to a list or map in which
// some are not.
func (v view) decodeInput(path *field.Path, s setting, value any, out reflect.Value, plain reflect.Type) field.ErrorList {
	var errs field.ErrorList
	var input any
	switch plain.Kind() {
	case reflect.Slice:
		var items []pulumi.StringInput
		errs = v.decodeSlice(path, s, value, reflect.ValueOf(&items).Elem())
		input = pulumi.StringArray(items)
	case reflect.Map:
		var items map[string]pulumi.StringInput
		errs = v.decodeMap(path, s, value, reflect.ValueOf(&items).Elem())
		input = pulumi.StringMap(items)
	default:
		target := reflect.New(plain).Elem()
		errs = v.decode(path, s, value, target)
		input = wrap(target).Interface()
	}
	if len(errs) == 0 {
		out.Set(reflect.ValueOf(input))
	}
	return errs
}

// decodeLater sets an input to a value that is known only during the deployment, or that
// is a secret. A field that is no input decides which objects there are.
func decodeLater(path *field.Path, later pulumi.Output, out reflect.Value) field.ErrorList {
	plain, isInput := plainType(out.Type())
	if !isInput {
		return field.ErrorList{field.Forbidden(path, "must be known before the deployment: it cannot be a secret or another resource's output")}
	}
	var typed pulumi.Output
	switch plain.Kind() {
	case reflect.Int:
		typed = resolved[int](path, later)
	case reflect.Bool:
		typed = resolved[bool](path, later)
	case reflect.Slice:
		typed = resolved[[]string](path, later)
	case reflect.Map:
		typed = resolved[map[string]string](path, later)
	default:
		typed = resolved[string](path, later)
	}
	out.Set(reflect.ValueOf(typed))
	return nil
}

// resolved is the output with its type, which is all that can be checked: its error must
// not show a value that may be a secret.
func resolved[T any](path *field.Path, later pulumi.Output) pulumi.Output {
	return later.ApplyT(func(value any) (T, error) {
		var plain T
		if errs := languages.decode(path, setting{}, value, reflect.ValueOf(&plain).Elem()); len(errs) > 0 {
			return plain, field.TypeInvalid(path, field.OmitValueType{}, "must be "+describeKind(reflect.TypeFor[T]()))
		}
		return plain, nil
	})
}
