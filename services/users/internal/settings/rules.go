package settings

import (
	"fmt"
	"net"
	"net/mail"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// check knows the rules of the tag validate: the library's min, max and oneof, and
// those below.
var check = newCheck()

func newCheck() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(field reflect.StructField) string { return field.Tag.Get("env") })
	for rule, holds := range map[string]func(string) bool{
		"abspath":  func(text string) bool { return strings.HasPrefix(text, "/") },
		"hostport": isHostPort,
		"issuer":   isIssuer,
		"header":   isHeader,
		"mailbox":  func(text string) bool { _, err := mail.ParseAddress(text); return err == nil },
	} {
		if err := v.RegisterValidation(rule, func(field validator.FieldLevel) bool { return holds(field.Field().String()) }); err != nil {
			panic(err) // Only an empty name is refused.
		}
	}
	return v
}

// isHostPort also takes port 0, with which tests listen, and an empty host.
func isHostPort(text string) bool {
	_, port, err := net.SplitHostPort(text)
	number, portErr := strconv.Atoi(port)
	return err == nil && portErr == nil && number >= 0 && number <= 65535
}

// explain says what is wrong with a value that a rule refuses.
func explain(f Field, wrong validator.FieldError) string {
	switch wrong.Tag() {
	case "min", "max":
		return fmt.Sprintf("%v is not between %s and %s", wrong.Value(), f.rules["min"], f.rules["max"])
	case "oneof":
		return fmt.Sprintf("%q is not one of %s", wrong.Value(), strings.ReplaceAll(wrong.Param(), " ", ", "))
	}
	return fmt.Sprintf("%q is not %s", wrong.Value(), formats[wrong.Tag()])
}
