package settings

import (
	"errors"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Err joins the errors to one, with a line for each in their order. It returns
// nil when there are none.
func Err(list field.ErrorList) error {
	errs := make([]error, len(list))
	for i, one := range list {
		errs[i] = one
	}
	return errors.Join(errs...)
}

// Short cuts a string that would fill the screen.
func Short(value string) string {
	const most = 60
	runes := []rune(value)
	if len(runes) <= most {
		return value
	}
	return string(runes[:most]) + "…"
}
