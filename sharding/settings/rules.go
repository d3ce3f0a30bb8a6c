package settings

import (
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// check knows the rules of the tag validate: the library's min, max and oneof, and
// those added with AddRule.
var check = newCheck()

// formats describes the rules for single values in words.
var formats = map[string]string{}

func newCheck() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(field reflect.StructField) string { return field.Tag.Get("env") })
	return v
}

func init() {
	AddRule("abspath", "an absolute path", func(text string) bool { return strings.HasPrefix(text, "/") })
	AddRule("hostport", "host:port with a port between 0 and 65535", IsHostPort)
}

// AddRule adds a rule for text to the tag validate. In errors the meaning follows "is
// not". Programs call it in init; it panics if the name is empty or already in use.
func AddRule(name, meaning string, holds func(text string) bool) {
	if _, known := formats[name]; known {
		panic("settings: two rules " + name)
	}
	formats[name] = meaning
	if err := check.RegisterValidation(name, func(field validator.FieldLevel) bool { return holds(field.Field().String()) }); err != nil {
		panic(err)
	}
}

// IsHostPort is the rule hostport. It accepts an empty host, and port 0, on which tests
// listen.
func IsHostPort(text string) bool {
	_, port, err := net.SplitHostPort(text)
	number, portErr := strconv.Atoi(port)
	return err == nil && portErr == nil && number >= 0 && number <= 65535
}

// explain says why a rule refuses a value.
func explain(f Field, wrong validator.FieldError) string {
	switch wrong.Tag() {
	case "min", "max":
		return fmt.Sprintf("%v is not between %s and %s", wrong.Value(), f.rules["min"], f.rules["max"])
	case "oneof":
		return fmt.Sprintf("%q is not one of %s", wrong.Value(), strings.ReplaceAll(wrong.Param(), " ", ", "))
	}
	return fmt.Sprintf("%q is not %s", wrong.Value(), formats[wrong.Tag()])
}
