package kube

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/internal/settings"
)

// Given reports whether a string was given: neither nil nor empty. A value that is
// known only during the deployment counts as given.
func Given(input pulumi.StringInput) bool {
	if input == nil {
		return false
	}
	text, known := settings.String(input)
	return !known || text != ""
}
