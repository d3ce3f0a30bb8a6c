package kube

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scalestack/scalestack/internal/check"
)

// DefaultNamespace is where a component goes that was not told where.
const DefaultNamespace = "scalestack"

// Name records an object name that Kubernetes would refuse. The limit leaves
// room for suffix, the longest that is put behind the name.
func Name(errs *check.Errors, path, value, suffix string) {
	if value == "" {
		errs.Addf(path, "is required")
		return
	}
	for _, problem := range validation.IsDNS1123Label(value + suffix) {
		if strings.Contains(problem, "no more than") {
			errs.Addf(path, "%q is longer than %d characters", value, validation.DNS1123LabelMaxLength-len(suffix))
			continue
		}
		errs.Addf(path, "%q is not a name of lower-case letters, digits and '-', with a letter or digit at both ends", value)
	}
}
