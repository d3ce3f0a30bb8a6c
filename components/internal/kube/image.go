package kube

import (
	"strings"

	"github.com/scalestack/scalestack/internal/check"
)

// Image records an image that does not name one version: a missing tag and
// "latest" mean another program after the next restart.
func Image(errs *check.Errors, path, value string) {
	if value == "" {
		errs.Addf(path, "is required")
		return
	}
	if strings.ContainsAny(value, " \t\n") {
		errs.Addf(path, "%q is not an image such as name:1.2", value)
		return
	}
	if strings.Contains(value, "@sha256:") {
		return
	}
	name := value[strings.LastIndex(value, "/")+1:]
	if _, tag, _ := strings.Cut(name, ":"); tag == "" || tag == "latest" {
		errs.Addf(path, "%q names no version: give it a tag other than latest, or a digest", value)
	}
}

// PullPolicy records a policy that Kubernetes does not know.
func PullPolicy(errs *check.Errors, path, value string) {
	errs.OneOf(path, value, "IfNotPresent", "Always", "Never")
}
