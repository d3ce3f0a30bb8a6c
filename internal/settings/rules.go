package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkValue holds a plain string, integer or boolean against the field's tags.
func (s setting) checkValue(path *field.Path, value reflect.Value) field.ErrorList {
	switch value.Kind() {
	case reflect.String:
		return s.checkString(path, value.String())
	case reflect.Int:
		return s.checkInt(path, value.Int())
	case reflect.Slice, reflect.Map:
		if value.Len() == 0 && s.required() {
			return field.ErrorList{field.Required(path, "")}
		}
	}
	return nil
}

func (s setting) checkString(path *field.Path, value string) field.ErrorList {
	if value == "" && s.required() {
		return field.ErrorList{field.Required(path, s.describe())}
	}
	if choices := s.enum(); choices != nil {
		if !slices.Contains(choices, value) {
			return field.ErrorList{field.NotSupported(path, Short(value), choices)}
		}
		return nil
	}
	name := s.tag.Get("format")
	if name == "" {
		return nil
	}
	if problem := formatOf(name).Check(value); problem != "" {
		return field.ErrorList{field.Invalid(path, Short(value), problem)}
	}
	return s.checkQuantity(path, value)
}

// checkQuantity compares a quantity with the field's range.
func (s setting) checkQuantity(path *field.Path, value string) field.ErrorList {
	least, most := s.tag.Get("min"), s.tag.Get("max")
	if s.tag.Get("format") != "quantity" || least+most == "" {
		return nil
	}
	given := resource.MustParse(value)
	if least != "" && given.Cmp(resource.MustParse(least)) < 0 || most != "" && given.Cmp(resource.MustParse(most)) > 0 {
		return field.ErrorList{field.Invalid(path, value, "must be "+s.describe())}
	}
	return nil
}

func (s setting) checkInt(path *field.Path, value int64) field.ErrorList {
	least, most, bounded := s.bounds()
	if bounded && (value < least || value > most) {
		return field.ErrorList{field.Invalid(path, value, s.mustBeBetween())}
	}
	return nil
}

func (s setting) required() bool { return s.tag.Get("required") == "true" }

func (s setting) enum() []string {
	if list, ok := s.tag.Lookup("enum"); ok {
		return strings.Split(list, ",")
	}
	return nil
}

// bounds returns the range of an integer. Both ends are given or none.
func (s setting) bounds() (least, most int64, bounded bool) {
	if s.tag.Get("min")+s.tag.Get("max") == "" || s.tag.Get("format") == "quantity" {
		return 0, 0, false
	}
	return s.number("min"), s.number("max"), true
}

func (s setting) number(tag string) int64 {
	n, err := strconv.ParseInt(s.tag.Get(tag), 10, 64)
	if err != nil {
		panic(fmt.Sprintf("settings: %s.%s: tag %s: %v", s.owner, s.goName, tag, err))
	}
	return n
}

func (s setting) mustBeBetween() string {
	return fmt.Sprintf("must be between %s and %s", s.tag.Get("min"), s.tag.Get("max"))
}

// describe says what the field takes, for messages and for the table.
func (s setting) describe() string {
	plain, _ := plainType(s.typ)
	if plain.Kind() == reflect.Pointer {
		plain = plain.Elem()
	}
	switch {
	case s.enum() != nil:
		return "one of " + strings.Join(s.enum(), ", ")
	case plain.Kind() == reflect.Int && s.tag.Get("min") != "":
		return fmt.Sprintf("an integer between %s and %s", s.tag.Get("min"), s.tag.Get("max"))
	case s.tag.Get("format") == "quantity" && s.tag.Get("min") != "":
		return "a quantity of at least " + s.tag.Get("min")
	case s.tag.Get("format") != "" && plain.Kind() == reflect.String:
		return formatOf(s.tag.Get("format")).Allowed
	}
	return describeKind(plain)
}

func describeKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "an integer"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}
