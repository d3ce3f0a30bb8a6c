package kafka

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil. Values that are known only during the deployment are checked
// by Kubernetes.
func (a *Args) Validate() error { return settings.Err(settings.Validate(nil, a.withDefaults())) }

// Check reports what the fields' ranges cannot express.
func (a *Args) Check(path *field.Path) field.ErrorList {
	return slices.Concat(
		a.checkVersions(path),
		a.checkPools(path.Child("pools")),
		checkReplication(path, "replicationFactor", a.ReplicationFactor, a.MinInSync, a.count(Broker)),
		a.checkOwnTopics(path.Child("ownTopics")),
		a.checkCruiseControl(path.Child("cruiseControl")),
		a.checkConfig(path.Child("config")),
		a.checkTopics(path.Child("topics")),
		a.checkUsers(path.Child("users")),
	)
}

func (a *Args) checkPools(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, pool := range a.Pools {
		if seen[pool.Name] {
			errs = append(errs, field.Duplicate(path.Index(i).Child("name"), pool.Name))
		}
		seen[pool.Name] = true
	}
	if n := a.count(Controller); !slices.Contains([]int{1, 3, 5}, n) {
		errs = append(errs, field.Invalid(path, n, "must have 1, 3 or 5 controllers"))
	}
	if a.count(Broker) == 0 {
		errs = append(errs, field.Invalid(path, 0, "must have a broker, which keeps the messages"))
	}
	return errs
}

// Check refuses a role that is given twice.
func (p Pool) Check(path *field.Path) field.ErrorList {
	return duplicates(path.Child("roles"), p.Roles)
}

// duplicates reports each value that stands in the list before.
func duplicates[T comparable](path *field.Path, values []T) field.ErrorList {
	var errs field.ErrorList
	for i, value := range values {
		if slices.Index(values, value) != i {
			errs = append(errs, field.Duplicate(path.Index(i), value))
		}
	}
	return errs
}

// checkReplication checks one pair of figures: those of the cluster or those of a
// topic. Figures out of range are reported by their fields.
func checkReplication(path *field.Path, name string, replicas, minInSync, brokers int) field.ErrorList {
	switch inSync := path.Child("minInSync"); {
	case brokers == 0 || replicas < 1:
	case replicas > brokers:
		return field.ErrorList{field.Invalid(path.Child(name), replicas, fmt.Sprintf("must be between 1 and the number of brokers, %d", brokers))}
	case minInSync < 1:
	case replicas == 1 && minInSync != 1:
		return field.ErrorList{field.Invalid(inSync, minInSync, "must be 1 with a single replica")}
	case replicas > 1 && minInSync >= replicas:
		return field.ErrorList{field.Invalid(inSync, minInSync, fmt.Sprintf("must be below the %d replicas, or one dead broker stops all writes", replicas))}
	}
	return nil
}

var configName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

func (a *Args) checkConfig(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	own := a.brokerConfig()
	for _, key := range slices.Sorted(maps.Keys(a.Config)) {
		switch _, taken := own[strings.ToLower(key)]; {
		case !configName.MatchString(key):
			errs = append(errs, field.Invalid(path.Key(settings.Short(key)), settings.Short(key), "must consist of letters, digits, '.', '_' and '-': Kafka would ignore it"))
		case taken:
			errs = append(errs, field.Forbidden(path.Key(key), "is decided by another setting"))
		case forbidden(key):
			errs = append(errs, field.Forbidden(path.Key(key), "is decided by Strimzi, which would ignore it"))
		case slices.Contains(kraftIgnores, key):
			errs = append(errs, field.Forbidden(path.Key(key), "is ignored without ZooKeeper: use metadataVersion"))
		default:
			errs = append(errs, checkValue(path.Key(key), key, a.Config[key])...)
		}
	}
	return errs
}

// checkCruiseControl refuses a single broker: there would be nowhere to move a
// partition to, and the cluster never becomes ready.
func (a *Args) checkCruiseControl(path *field.Path) field.ErrorList {
	if brokers := a.count(Broker); a.CruiseControl != nil && brokers == 1 {
		return field.ErrorList{field.Forbidden(path, "needs at least 2 brokers; there is 1")}
	}
	return nil
}

// CheckNodes refuses pools whose nodes' names, in the cluster with this name, would not
// be DNS labels, or could be the name of a user's Secret. New refuses the same.
func (a *Args) CheckNodes(path *field.Path, cluster string) field.ErrorList {
	var errs field.ErrorList
	if strings.Contains(cluster+"-", "-user-") {
		errs = append(errs, field.Invalid(path.Child("name"), cluster, "must not contain -user, which begins the Secrets of another cluster's users"))
	}
	nodes := 0
	for _, pool := range a.Pools {
		nodes += max(0, pool.Replicas)
	}
	lastID := strconv.Itoa(max(0, nodes-1))
	for i, pool := range a.Pools {
		path := path.Child("pools").Index(i).Child("name")
		most := validation.DNS1123LabelMaxLength - len(cluster+"--"+lastID)
		switch {
		case len(pool.Name) > most && len(pool.Name) <= validation.DNS1123LabelMaxLength:
			errs = append(errs, field.Invalid(path, settings.Short(pool.Name),
				fmt.Sprintf("must have at most %d characters, since its nodes are called %s-<pool>-%s", most, cluster, lastID)))
		case pool.Name == "user" || strings.HasPrefix(pool.Name, "user-"):
			errs = append(errs, field.Invalid(path, pool.Name, "must not begin with user: the users' Secrets are called "+secretPrefix(cluster)+"<user>"))
		}
	}
	return errs
}
