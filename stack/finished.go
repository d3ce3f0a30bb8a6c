package stack

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// checkFinished validates the arguments that the components will get, including what
// the stack adds to the configuration, against the components' own rules. A component
// would refuse them too, but only after others had been registered.
func (c *Config) checkFinished() field.ErrorList {
	w := c.laterWiring()
	shardctl := sectionPath("postgres").Child("shardctl")
	errs := slices.Concat(
		settings.Validate(sectionPath("postgres"), settings.WithDefaults(c.postgresArgs(w.namespace))),
		settings.Validate(shardctl, settings.WithDefaults(c.migrateArgs(w.namespace, w.shardMap, w.roles))),
		settings.Validate(shardctl, settings.WithDefaults(c.reshardArgs(w.namespace, w.shardMap, w.roles))),
		settings.Validate(sectionPath("redis"), settings.WithDefaults(c.redisArgs(w.namespace))),
		settings.Validate(sectionPath("kafka"), settings.WithDefaults(c.kafkaArgs(w.namespace))),
	)
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		errs = append(errs, c.checkService(key, w)...)
	}
	return errs
}

// checkService compares the mounts itself: the stack's mounts come after the service's,
// at indexes that the user does not have.
func (c *Config) checkService(key string, w wiring) field.ErrorList {
	s, path := c.Services[key], servicePath(key)
	args := settings.WithDefaults(c.serviceArgs(s, w))
	errs := takenMounts(path, s.Mounts, &args.Mounts)
	if s.Migration != nil {
		errs = append(errs, takenMounts(path.Child("migration"), s.Migration.Mounts, &args.Migration.Mounts)...)
	}
	return append(errs, settings.Validate(path, args)...)
}

// takenMounts refuses mounts with the name or the folder of one of the stack's, and
// removes them from the list.
func takenMounts(path *field.Path, own []k8s.Mount, all *[]k8s.Mount) field.ErrorList {
	var errs field.ErrorList
	for i, mount := range own {
		for _, taken := range (*all)[len(own):] {
			at := path.Child("mounts").Index(i)
			if mount.Name == taken.Name {
				errs = append(errs, field.Invalid(at.Child("name"), mount.Name, "is the name of a mount of the stack"))
			}
			if mount.Path == taken.Path {
				errs = append(errs, field.Invalid(at.Child("path"), mount.Path, "is a folder of the stack"))
			}
		}
	}
	*all = (*all)[:len(own)]
	return errs
}

// laterWiring stands in for values that are known only once the components exist.
func (c *Config) laterWiring() wiring {
	later := pulumi.String("later")
	w := wiring{
		namespace: pulumi.String(c.Namespace), shardMap: later, roles: later, shardLogins: pulumi.StringMap{},
		redisAddress: later, redisSecret: later, kafkaBootstrap: later, kafkaCA: later,
		kafkaUsers: map[string]pulumi.StringInput{},
	}
	for _, s := range c.services() {
		w.shardLogins[s.Name] = later
		w.kafkaUsers[s.Name], w.kafkaUsers[s.lagUserName()] = later, later
	}
	return w
}
