package stack

import (
	"maps"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/redis"
)

// madeSecrets matches the names of the Secrets that the components create, and of
// Strimzi's, which differ from version to version. TestNoSecretHasTwoOwners compares it
// with the graphs.
var madeSecrets = regexp.MustCompile(`^(` + postgresName + `-(shard-\d+(-.+)?|roles-.+|exporter)|` + redisName + `(-\d+)?-(app|acl|exporter)|` + kafkaName + `-.+|` + tunnelName + `-token)$`)

// maker is what creates a Secret of the namespace that is mounted by a name chosen by
// users.
type maker string

const (
	bySecrets     maker = "the setting secrets"
	byCertManager maker = "cert-manager"
	byStrimzi     maker = "Strimzi"
	byOthers      maker = "something else"
)

// making is a maker and the setting that selects it.
type making struct {
	maker maker
	path  *field.Path
}

// makers returns what creates each Secret with such a name. A Secret that the stack
// creates may also be in externalSecrets, for pods that mount it.
func (c *Config) makers() map[string]making {
	made := map[string]making{}
	for _, name := range c.ExternalSecrets {
		made[name] = making{byOthers, sectionPath("externalSecrets")}
	}
	for name := range c.Secrets {
		made[name] = making{bySecrets, sectionPath(secretsName).Child(name)}
	}
	maps.Copy(made, c.madeByObjects())
	return made
}

// madeByObjects returns the Secrets that others create for objects of the stack, and
// delete with them.
func (c *Config) madeByObjects() map[string]making {
	made := map[string]making{}
	if t := c.Postgres.TLS; t != nil && t.Issuer != nil {
		made[t.SecretOf(postgresName)] = making{byCertManager, sectionPath(postgresName).Child("tls", "issuer")}
	}
	if t := c.Redis.TLS; t != nil && t.Issuer != nil {
		for i := range c.Redis.Servers() {
			made[t.SecretOf(redis.ServerName(redisName, i))] = making{byCertManager, sectionPath(redisName).Child("tls", "issuer")}
		}
	}
	if name := c.Gateway.issued(); name != "" {
		made[name] = making{byCertManager, sectionPath(gatewayName).Child("own", "issuer")}
	}
	for i, user := range c.Kafka.Users {
		made[kafka.UserSecret(kafkaName, user.Name)] = making{byStrimzi, sectionPath(kafkaName).Child("users").Index(i).Child("name")}
	}
	for key, s := range c.Services {
		if s.usesKafka() {
			for _, user := range []string{s.Name, s.lagUserName()} {
				made[kafka.UserSecret(kafkaName, user)] = making{byStrimzi, servicePath(key)}
			}
		}
	}
	return made
}

// checkSecretNames refuses a Secret that something else creates: each would overwrite
// the other's, and the first to leave would delete it.
func (c *Config) checkSecretNames() field.ErrorList {
	var errs field.ErrorList
	others := c.madeByObjects()
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		if _, taken := others[name]; taken || madeSecrets.MatchString(name) {
			errs = append(errs, field.Invalid(sectionPath(secretsName).Child(name), name, "is the name of a Secret that the stack makes itself. Choose another"))
		}
	}
	return errs
}
