package stack

import (
	"maps"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// madeSecrets are the names of the Secrets that the components make, and of Strimzi's, which
// differ from version to version. TestNoSecretHasTwoOwners holds them against the graphs.
var madeSecrets = regexp.MustCompile(`^(` + postgresName + `-(shard-\d+(-.+)?|roles-.+|exporter)|` + redisName + `-(app|acl|exporter)|` + kafkaName + `-.+|` + tunnelName + `-token)$`)

// checkSecretNames refuses a Secret that something else makes: each would write over the
// other's, and the one that goes would delete it.
func (c *Config) checkSecretNames() field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		if madeSecrets.MatchString(name) || c.kafkaUser(name) {
			errs = append(errs, field.Invalid(sectionPath(secretsName).Child(name), name, "is the name of a Secret that the stack makes itself. Choose another"))
		}
	}
	return errs
}

// kafkaUser tells whether Strimzi makes a Secret of this name, for the user of a service.
func (c *Config) kafkaUser(name string) bool {
	for _, s := range c.Services {
		if s.usesKafka() && (name == s.Name || name == s.lagUserName()) {
			return true
		}
	}
	return false
}
