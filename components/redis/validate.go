package redis

import (
	"fmt"
	"regexp"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/check"
)

const (
	minMemory = 64 << 20
	// longestSuffix is what the longest object name puts behind the component's.
	longestSuffix = "-config"
)

var (
	keyPattern = regexp.MustCompile(`^[!-~]+$`)
	// aclRule adds or removes a command, a subcommand or a category.
	aclRule = regexp.MustCompile(`^[+-](@[a-z]+|[a-z_-]+(\|[a-z_-]+)?)$`)
)

// Validate returns every mistake in the arguments at once, each with the path
// of its field, or nil. Values that are only known during the deployment are
// checked by Kubernetes.
func (a *Args) Validate() error {
	d := a.withDefaults()
	var errs check.Errors
	kube.Image(&errs, "image", d.Image)
	kube.PullPolicy(&errs, "imagePullPolicy", d.ImagePullPolicy)
	d.Resources.Validate(&errs, "resources")
	d.validateMemory(&errs)
	d.validateUser(&errs)
	errs.Range("maxClients", d.MaxClients, 10, 100000)
	errs.Range("terminationGraceSeconds", d.TerminationGraceSeconds, 1, 3600)
	for i, caller := range d.Callers {
		caller.Validate(&errs, fmt.Sprintf("callers[%d]", i))
	}
	return errs.Err()
}

func (a *Args) validateMemory(errs *check.Errors) {
	if memory, ok := bytesOf(a.Resources.Memory); ok && memory < minMemory {
		errs.Addf("resources.memory", "%s is below 64Mi", a.Resources.Memory)
	}
	errs.Range("maxMemoryPercent", a.MaxMemoryPercent, 10, 90)
	errs.OneOf("evictionPolicy", a.EvictionPolicy, "allkeys-lfu", "allkeys-lru", "allkeys-random",
		"volatile-ttl", "volatile-lru", "volatile-lfu", "volatile-random")
}

func (a *Args) validateUser(errs *check.Errors) {
	for i, pattern := range a.KeyPatterns {
		if !keyPattern.MatchString(pattern) {
			errs.Addf(fmt.Sprintf("keyPatterns[%d]", i), "%q is not a key pattern without spaces", pattern)
		}
	}
	for i, rule := range a.Commands {
		if !aclRule.MatchString(rule) {
			errs.Addf(fmt.Sprintf("commands[%d]", i), "%q is not a rule such as +get, -keys or +@read", rule)
		}
	}
}

// bytesOf reads a quantity that Resources.Validate has checked or refused.
func bytesOf(value string) (int64, bool) {
	var ignored check.Errors
	q, ok := kube.Quantity(&ignored, "", value)
	return q.Value(), ok
}
