package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Decode reads a value that encoding/json made, with numbers as json.Number, into
// the struct that into points to. It reports every wrong type, unknown key and
// value out of range, in the order of the struct's fields. What is wrong is left
// out of the struct. Defaults are not filled in, see [WithDefaults].
func Decode(path *field.Path, value any, into any) field.ErrorList {
	return configuration.decode(path, setting{}, value, reflect.ValueOf(into).Elem())
}

// DecodeInputs is Decode for what a program in another language gives: it reads the
// fields with a pulumi tag, and takes a pulumi.Output where the field is an input.
// Numbers are float64.
func DecodeInputs(path *field.Path, value map[string]any, into any) field.ErrorList {
	return languages.decode(path, setting{}, value, reflect.ValueOf(into).Elem())
}

// decode sets out to value. The tags of s hold for it.
func (v view) decode(path *field.Path, s setting, value any, out reflect.Value) field.ErrorList {
	if later, ok := value.(pulumi.Output); ok {
		return decodeLater(path, later, out)
	}
	if plain, isInput := plainType(out.Type()); isInput {
		return v.decodeInput(path, s, value, out, plain)
	}
	switch out.Kind() {
	case reflect.Pointer:
		target := reflect.New(out.Type().Elem())
		errs := v.decode(path, s, value, target.Elem())
		if len(errs) == 0 {
			out.Set(target)
		}
		return errs
	case reflect.Struct:
		return v.decodeStruct(path, value, out)
	case reflect.Slice:
		return v.decodeSlice(path, s, value, out)
	case reflect.Map:
		return v.decodeMap(path, s, value, out)
	}
	return decodeScalar(path, s, value, out)
}

func decodeScalar(path *field.Path, s setting, value any, out reflect.Value) field.ErrorList {
	switch v := value.(type) {
	case string:
		if out.Kind() == reflect.String {
			out.SetString(v)
			return clearUnlessValid(s.checkValue(path, out), out)
		}
	case bool:
		if out.Kind() == reflect.Bool {
			out.SetBool(v)
			return nil
		}
	case json.Number:
		if out.Kind() == reflect.Int {
			return decodeInt(path, s, v, out)
		}
	case float64:
		return decodeScalar(path, s, json.Number(strconv.FormatFloat(v, 'f', -1, 64)), out)
	}
	s.typ = out.Type()
	return wrongType(path, value, s.describe())
}

// decodeInt also takes an integer that is written with a fraction of zero. A
// number beyond every integer is out of range rather than of another type.
func decodeInt(path *field.Path, s setting, value json.Number, out reflect.Value) field.ErrorList {
	n, err := strconv.Atoi(value.String())
	if err != nil {
		float, _ := value.Float64()
		if float == math.Trunc(float) && math.Abs(float) < 1<<53 {
			n, err = int(float), nil
		}
		if err != nil && float == math.Trunc(float) && s.tag.Get("min") != "" {
			return field.ErrorList{field.Invalid(path, value, s.mustBeBetween())}
		}
	}
	if err != nil {
		s.typ = out.Type()
		return wrongType(path, value, s.describe())
	}
	out.SetInt(int64(n))
	return clearUnlessValid(s.checkValue(path, out), out)
}

func clearUnlessValid(errs field.ErrorList, out reflect.Value) field.ErrorList {
	if len(errs) > 0 {
		out.SetZero()
	}
	return errs
}

func (v view) decodeStruct(path *field.Path, value any, out reflect.Value) field.ErrorList {
	object, ok := value.(map[string]any)
	if !ok {
		return wrongType(path, value, "an object")
	}
	var errs field.ErrorList
	left := maps.Clone(object)
	for _, s := range settingsOf(out.Type()) {
		given, ok := object[s.name]
		if !ok || !v.has(s) {
			continue
		}
		delete(left, s.name)
		errs = append(errs, v.decode(path.Child(s.name), s, given, out.FieldByIndex(s.index))...)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		known := v.names(out.Type())
		slices.Sort(known)
		errs = append(errs, field.Forbidden(path.Child(name), "is not a setting; known here: "+strings.Join(known, ", ")))
	}
	return errs
}

func (v view) decodeSlice(path *field.Path, s setting, value any, out reflect.Value) field.ErrorList {
	list, ok := value.([]any)
	if !ok {
		return wrongType(path, value, "a list")
	}
	var errs field.ErrorList
	items := reflect.MakeSlice(out.Type(), len(list), len(list))
	for i, item := range list {
		errs = append(errs, v.decode(path.Index(i), s.item(out.Type().Elem()), item, items.Index(i))...)
	}
	out.Set(items)
	return errs
}

// item is what holds for the items of a list or a map: their format and range, but no default.
func (s setting) item(of reflect.Type) setting {
	s.typ = of
	return s
}

func (v view) decodeMap(path *field.Path, s setting, value any, out reflect.Value) field.ErrorList {
	object, ok := value.(map[string]any)
	if !ok {
		return wrongType(path, value, "an object")
	}
	var errs field.ErrorList
	result := reflect.MakeMap(out.Type())
	for _, name := range slices.Sorted(maps.Keys(object)) {
		key := reflect.New(out.Type().Key()).Elem()
		if key.Kind() == reflect.Int {
			n, err := strconv.Atoi(name)
			if err != nil || strconv.Itoa(n) != name {
				errs = append(errs, field.Invalid(path.Child(name), Short(name), "the key must be an integer"))
				continue
			}
			key.SetInt(int64(n))
		} else {
			key.SetString(name)
		}
		item := reflect.New(out.Type().Elem()).Elem()
		errs = append(errs, v.decode(path.Child(name), s.item(out.Type().Elem()), object[name], item)...)
		result.SetMapIndex(key, item)
	}
	out.Set(result)
	return errs
}

func wrongType(path *field.Path, value any, allowed string) field.ErrorList {
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte(fmt.Sprintf("%T", value))
	}
	var shown any = value
	if short := Short(string(text)); short != string(text) {
		shown = short
	}
	return field.ErrorList{field.TypeInvalid(path, shown, "must be "+allowed)}
}
