package kube

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Namespace is the namespace that was given, or the default one.
func Namespace(given pulumi.StringInput) pulumi.StringInput {
	if given == nil {
		return pulumi.String(k8s.DefaultNamespace)
	}
	return given
}

// Check validates a component: its name, which becomes that of its objects and
// must leave room for the longest suffix, and its arguments with their defaults
// filled in.
func Check(name, suffix string, args any) error {
	return settings.Err(append(Name(field.NewPath("name"), name, suffix), settings.Validate(nil, args)...))
}

// Name refuses an object name that Kubernetes would refuse with the suffix behind
// it.
func Name(path *field.Path, value, suffix string) field.ErrorList {
	if value == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	problems := validation.IsDNS1123Label(value + suffix)
	if len(problems) == 0 {
		return nil
	}
	if strings.Contains(problems[0], "no more than") {
		most := validation.DNS1123LabelMaxLength - len(suffix)
		return field.ErrorList{field.Invalid(path, settings.Short(value), fmt.Sprintf("must have at most %d characters", most))}
	}
	return field.ErrorList{field.Invalid(path, value, "must be lower-case letters, digits and '-', with a letter or digit at both ends")}
}
