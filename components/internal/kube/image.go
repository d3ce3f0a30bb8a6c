package kube

import (
	"github.com/distribution/reference"

	"github.com/scalestack/scalestack/internal/check"
)

// Image records what is no image by the rules that the nodes go by (the library
// is theirs), and an image that does not name one version: a missing tag and
// "latest" mean another program after the next restart.
func Image(errs *check.Errors, path, value string) {
	if value == "" {
		errs.Addf(path, "is required")
		return
	}
	image, err := reference.ParseNormalizedNamed(value)
	if err != nil {
		errs.Addf(path, "%q is not an image such as name:1.2", value)
		return
	}
	if _, fixed := image.(reference.Digested); fixed {
		return
	}
	if tagged, ok := image.(reference.Tagged); !ok || tagged.Tag() == "latest" {
		errs.Addf(path, "%q names no version: give it a tag other than latest, or a digest", value)
	}
}

// PullPolicy records a policy that Kubernetes does not know.
func PullPolicy(errs *check.Errors, path, value string) {
	errs.OneOf(path, value, "IfNotPresent", "Always", "Never")
}
