package settings

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// WithDefaults returns a copy of args, or of an empty struct where args is nil,
// with every default filled in. Lists, maps and pointers are copied as well, so that
// the caller may change them.
func WithDefaults[T any](args *T) *T {
	filled := new(T)
	if args != nil {
		*filled = *args
	}
	fillStruct(reflect.ValueOf(filled).Elem())
	return filled
}

func fillStruct(v reflect.Value) {
	for _, s := range settingsOf(v.Type()) {
		member := v.FieldByIndex(s.index)
		if text, ok := s.tag.Lookup("default"); ok {
			s.fill(member, text)
		}
		fillInside(member)
	}
	if one, ok := v.Addr().Interface().(Completer); ok {
		one.Complete()
	}
}

// Completer is a struct with defaults that depend on its other fields.
type Completer interface {
	// Complete fills in what was left out. The fields' own defaults are there.
	Complete()
}

// fill sets a field that was left out. The default of a struct fills in those of
// its members that were left out; that of a pointer to a struct does so where the
// pointer was given.
func (s setting) fill(v reflect.Value, text string) {
	isStruct := v.Kind() == reflect.Struct
	isPointer := v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct
	switch {
	case isPointer && v.IsNil():
	case isPointer:
		merged := reflect.New(v.Type().Elem())
		merged.Elem().Set(v.Elem())
		merge(merged.Elem(), s.parse(v.Type().Elem(), text))
		v.Set(merged)
	case isStruct:
		merge(v, s.parse(v.Type(), text))
	case v.IsZero():
		v.Set(s.parse(v.Type(), text))
	}
}

// merge fills in the zero members of a struct from another one.
func merge(v, from reflect.Value) {
	for _, s := range settingsOf(v.Type()) {
		member, other := v.FieldByIndex(s.index), from.FieldByIndex(s.index)
		switch {
		case member.Kind() == reflect.Struct:
			merge(member, other)
		case member.IsZero():
			member.Set(other)
		}
	}
}

// parse reads a default. It panics on one that does not fit its field, which the
// tests of the package that declares the field find.
func (s setting) parse(t reflect.Type, text string) reflect.Value {
	plain, isInput := plainType(t)
	scalar := plain
	if scalar.Kind() == reflect.Pointer {
		scalar = scalar.Elem()
	}
	if scalar.Kind() == reflect.String {
		quoted, _ := json.Marshal(text) // a string always marshals
		text = string(quoted)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var document any
	out := reflect.New(plain)
	if err := decoder.Decode(&document); err != nil {
		panic(fmt.Sprintf("settings: default of %s.%s: %v", s.owner, s.goName, err))
	}
	if errs := configuration.decode(nil, setting{typ: plain}, document, out.Elem()); len(errs) > 0 {
		panic(fmt.Sprintf("settings: default of %s.%s: %v", s.owner, s.goName, Err(errs)))
	}
	if isInput {
		return wrap(out.Elem())
	}
	return out.Elem()
}

// fillInside goes on into structs, and into copies of what holds structs.
func fillInside(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		fillStruct(v)
	case reflect.Pointer:
		if !v.IsNil() && v.Type().Elem().Kind() == reflect.Struct {
			target := reflect.New(v.Type().Elem())
			target.Elem().Set(v.Elem())
			fillStruct(target.Elem())
			v.Set(target)
		}
	case reflect.Slice:
		fillSlice(v)
	case reflect.Map:
		fillMap(v)
	}
}

func fillSlice(v reflect.Value) {
	if v.IsNil() {
		return
	}
	items := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(items, v)
	for i := range items.Len() {
		fillInside(items.Index(i))
	}
	v.Set(items)
}

func fillMap(v reflect.Value) {
	if v.IsNil() {
		return
	}
	filled := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		item := reflect.New(v.Type().Elem()).Elem()
		item.Set(v.MapIndex(key))
		fillInside(item)
		filled.SetMapIndex(key, item)
	}
	v.Set(filled)
}
