package component

import (
	"regexp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// IdentifierForm is what Cloudflare's identifiers of zones and accounts are.
const IdentifierForm = "32 hexadecimal digits in lower case"

var identifier = regexp.MustCompile(`^[0-9a-f]{32}$`)

// CheckIdentifier refuses an identifier of another form. One that is empty, or known
// only during the deployment, passes.
func CheckIdentifier(path *field.Path, input pulumi.StringInput) field.ErrorList {
	if id, known := settings.String(input); known && id != "" && !identifier.MatchString(id) {
		return field.ErrorList{field.Invalid(path, settings.Short(id), "must be "+IdentifierForm)}
	}
	return nil
}
