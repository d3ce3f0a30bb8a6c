package settings

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Checker is a struct with rules between its fields.
type Checker interface {
	// Check reports what the fields' tags cannot express. A field that its own tags
	// refuse is reported already, so Check says nothing more of it.
	Check(path *field.Path) field.ErrorList
}

// Validate holds a struct, with its defaults filled in, against the tags of its
// fields and, with every struct in it, against its rules between fields, see
// [Checker]. Values that are known only during the deployment are not checked. Names
// in paths are those of the configuration.
func Validate(path *field.Path, args any) field.ErrorList {
	return validate(path, setting{}, reflect.Indirect(reflect.ValueOf(args)))
}

func validate(path *field.Path, s setting, v reflect.Value) field.ErrorList {
	if _, isInput := plainType(v.Type()); isInput {
		return validateInput(path, s, v)
	}
	switch v.Kind() {
	case reflect.Struct:
		return validateStruct(path, v)
	case reflect.Pointer:
		if v.IsNil() {
			return s.missing(path)
		}
		return validate(path, s, v.Elem())
	case reflect.Slice:
		return append(s.checkValue(path, v), validateItems(path, s.item(v.Type().Elem()), v)...)
	case reflect.Map:
		return append(s.checkValue(path, v), validateMap(path, s.item(v.Type().Elem()), v)...)
	}
	if v.IsZero() && !s.required() && s.tag.Get("default") == "" {
		return nil // left out, and may be
	}
	return s.checkValue(path, v)
}

func validateInput(path *field.Path, s setting, v reflect.Value) field.ErrorList {
	if v.IsNil() {
		return s.missing(path)
	}
	plain, known := unwrap(v.Interface())
	if !known {
		return nil
	}
	return validate(path, s, plain)
}

func (s setting) missing(path *field.Path) field.ErrorList {
	if s.required() {
		return field.ErrorList{field.Required(path, s.describe())}
	}
	return nil
}

func validateStruct(path *field.Path, v reflect.Value) field.ErrorList {
	var errs field.ErrorList
	for _, s := range settingsOf(v.Type()) {
		if opaque(s.typ) {
			continue
		}
		errs = append(errs, validate(path.Child(s.name), s, v.FieldByIndex(s.index))...)
	}
	copied := reflect.New(v.Type())
	copied.Elem().Set(v)
	if one, ok := copied.Interface().(Checker); ok {
		errs = append(errs, one.Check(path)...)
	}
	return errs
}

// opaque tells types that this package knows nothing of, such as other inputs.
func opaque(t reflect.Type) bool {
	if _, isInput := plainType(t); isInput {
		return false
	}
	switch t.Kind() {
	case reflect.Interface, reflect.Func, reflect.Chan:
		return true
	case reflect.Slice, reflect.Pointer, reflect.Map:
		return opaque(t.Elem())
	}
	return false
}

func validateItems(path *field.Path, s setting, v reflect.Value) field.ErrorList {
	var errs field.ErrorList
	for i := range v.Len() {
		errs = append(errs, validate(path.Index(i), s, v.Index(i))...)
	}
	return errs
}

func validateMap(path *field.Path, s setting, v reflect.Value) field.ErrorList {
	byName := map[string]reflect.Value{}
	for _, key := range v.MapKeys() {
		byName[fmt.Sprint(key.Interface())] = v.MapIndex(key)
	}
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		errs = append(errs, validate(path.Child(name), s, byName[name])...)
	}
	return errs
}
