package stack

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/sharding/access"
)

// rolesName is the name of the component with the services' roles.
const rolesName = postgresName + "-roles"

// rolesFolder is where shardctl finds the description of the services' roles.
const rolesFolder = "/etc/scalestack/roles"

// shardctlConnections are those of the service shardctl to one shard, out of
// postgres.ReservedConnections: one that watches, and two for previews and people who
// run shardctl in its pod.
const shardctlConnections = 3

// roles describe what each service may do on the shards.
func (c *Config) roles() access.Spec {
	spec := access.Spec{Rotation: c.Postgres.PasswordRotation, Former: []string{postgres.AppRole}}
	for _, s := range c.services() {
		uses := s.Uses.Shards
		if uses == nil {
			continue
		}
		spec.Services = append(spec.Services, access.Service{
			Name: s.Name, Connections: s.connections(), Read: uses.Read, Write: uses.Write, Execute: uses.Execute,
			StatementTimeout: uses.StatementTimeoutSeconds, IdleTransactionTimeout: uses.IdleTransactionTimeoutSeconds,
		})
	}
	return spec
}

// judgeRotation refuses to lose the superuser's password: the Secrets have the one of this rotation and of the one before.
func (c *Config) judgeRotation(p past) field.ErrorList {
	wanted := c.Postgres.PasswordRotation
	if p.rotation == 0 || wanted == p.rotation || wanted == p.rotation+1 {
		return nil
	}
	return field.ErrorList{field.Invalid(sectionPath("postgres").Child("passwordRotation"), wanted, fmt.Sprintf(
		"must be %d or, for new passwords, %d: with any other nobody knows the password that the shards' superuser has", p.rotation, p.rotation+1))}
}

// unfinished are other rotations whose passwords a server may have. The services' need no such care: a login that is not
// current may get another.
func (c *Config) unfinished(p past) []int {
	wanted := c.Postgres.PasswordRotation
	return slices.DeleteFunc(slices.Clone(p.begun), func(one int) bool { return one <= p.rotation || one == wanted || one == wanted-1 })
}

// hasFormerPasswords tells whether a superuser's password may differ from that of its Secret.
func (c *Config) hasFormerPasswords() bool {
	return c.Postgres.PasswordRotation > 0 || len(c.unfinishedRotations) > 0
}

// connections of all pods together to one shard, those included that a rollout adds.
func (s Service) connections() int {
	if !s.hasPool() {
		return shardctlConnections
	}
	return service.MaxPodsDuringRollout(s.Replicas.Max) * s.Uses.Shards.Pool
}

// checkTables refuses a service without rights: its first statement would fail.
// shardctl asks the engine's tables, which every service may read.
func (c *Config) checkTables() field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		uses := c.Services[key].Uses.Shards
		if uses != nil && key != shardctlName && len(uses.Read)+len(uses.Write)+len(uses.Execute) == 0 {
			errs = append(errs, field.Required(servicePath(key).Child("uses", "shards", "write"),
				`the tables that the service uses, in write or read; ["public.*"] for all of the schema public`))
		}
	}
	return errs
}
