package redis

import (
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

const minMemory = 64 << 20

var (
	keyPattern = regexp.MustCompile(`^[!-~]+$`)
	// aclRule adds or removes a command, a subcommand or a category.
	aclRule = regexp.MustCompile(`^[+-](@[a-z]+|[a-z_-]+(\|[a-z_-]+)?)$`)
)

// longestSuffix is what the longest object name puts behind the component's.
func (a *Args) longestSuffix() string {
	last := ServerName("", a.Servers()-1)
	if a.Exporter != nil {
		return exporterName(last)
	}
	return last + "-config"
}

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil. Values that are known only during the deployment are checked
// by Kubernetes.
func (a *Args) Validate() error { return settings.Err(settings.Validate(nil, a.withDefaults())) }

// Check reports what the fields' ranges cannot express.
func (a *Args) Check(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if memory, ok := a.Resources.Bytes(); ok && memory < minMemory {
		errs = append(errs, field.Invalid(path.Child("resources", "memory"), a.Resources.Memory, "must be at least 64Mi"))
	}
	if a.AlsoInvalidate == a.Nodes {
		errs = append(errs, field.Invalid(path.Child("alsoInvalidate"), a.AlsoInvalidate, "must be another number than nodes, or left out"))
	}
	if len(a.KeyPatterns) == 0 {
		errs = append(errs, field.Required(path.Child("keyPatterns"), "at least one: without any the services may use no key"))
	}
	for i, pattern := range a.KeyPatterns {
		if !keyPattern.MatchString(pattern) {
			errs = append(errs, field.Invalid(path.Child("keyPatterns").Index(i), pattern, "must be printable ASCII without spaces"))
		}
	}
	for i, rule := range a.Commands {
		if !aclRule.MatchString(rule) {
			errs = append(errs, field.Invalid(path.Child("commands").Index(i), rule, "must be an ACL rule such as +get, -keys or +@read"))
		}
	}
	return errs
}
