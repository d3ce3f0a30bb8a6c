package postgres

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// longestSuffix is what the longest object name puts behind the component's.
const longestSuffix = "-shard-9999-headless"

var settingName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)?$`)

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil. Values that are known only during the deployment are checked
// by Kubernetes.
func (a *Args) Validate() error { return settings.Err(settings.Validate(nil, a.withDefaults())) }

// Check reports what the fields' ranges cannot express.
func (a *Args) Check(path *field.Path) field.ErrorList {
	return slices.Concat(
		a.checkShards(path),
		a.checkImages(path.Child("images")),
		a.checkMembers(path),
		a.checkMemberCertificates(path),
		a.checkMemory(path),
		a.checkSettings(path.Child("settings")),
		a.checkBackup(path),
		a.checkRestore(path),
	)
}

func (a *Args) checkShards(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, id := range a.Shards {
		if slices.Contains(a.Shards[:i], id) {
			errs = append(errs, field.Duplicate(path.Child("shards").Index(i), id))
		}
	}
	for i, id := range a.Drained {
		if !slices.Contains(a.Shards, id) {
			errs = append(errs, field.Invalid(path.Child("drained").Index(i), id, "must be one of the shards"))
		}
	}
	return errs
}

// leastMemory is what a shard needs, and why it is more than a server's.
func (a *Args) leastMemory() string {
	switch {
	case a.Members > 1 && a.Backup != nil:
		return "448Mi with members above 1 and backup"
	case a.Members > 1:
		return "320Mi with members above 1"
	case a.Backup != nil:
		return "384Mi with backup"
	}
	return "256Mi"
}

// builtImage is what images/postgres builds.
const builtImage = "scalestack/postgres:16.2-patroni-4.1.5-barman-3.19.1"

// plainImage is the official image, which has no Patroni.
var plainImage = regexp.MustCompile(`^(docker\.io/)?(library/)?postgres([:@]|$)`)

func (a *Args) checkMembers(path *field.Path) field.ErrorList {
	if a.Members == 1 && a.RequireSpread {
		return field.ErrorList{field.Invalid(path.Child("requireSpread"), true, "must be false with members 1: there is nothing to spread")}
	}
	if a.Members > 1 {
		return a.checkBuilt(path, fmt.Sprintf("must be an image with Patroni with members %d, for example %s", a.Members, builtImage))
	}
	return nil
}

// checkImages refuses images of nobody. The stack, which knows its shards by their number,
// sees to that itself.
func (a *Args) checkImages(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, id := range slices.Sorted(maps.Keys(a.Images)) {
		at := path.Child(strconv.Itoa(id))
		if len(a.Shards) > 0 && !slices.Contains(a.Shards, id) {
			errs = append(errs, field.Invalid(at, id, "the key must be one of the shards"))
		}
		if image, known := settings.String(a.Images[id]); a.Images[id] == nil || known && image == "" {
			errs = append(errs, field.Required(at, "an image with a tag other than latest, or a digest"))
		}
	}
	return errs
}

// checkBuilt refuses, for each shard that has one of its own and for the others, the
// official image.
func (a *Args) checkBuilt(path *field.Path, problem string) field.ErrorList {
	var errs field.ErrorList
	check := func(path *field.Path, input pulumi.StringInput) {
		if image, known := settings.String(input); known && plainImage.MatchString(image) {
			errs = append(errs, field.Invalid(path, image, problem))
		}
	}
	check(path.Child("image"), a.Image)
	for _, id := range slices.Sorted(maps.Keys(a.Images)) {
		check(path.Child("images", strconv.Itoa(id)), a.Images[id])
	}
	return errs
}

// checkMemory refuses more connections than the memory limit can serve.
func (a *Args) checkMemory(path *field.Path) field.ErrorList {
	memory, ok := serverMemoryOf(a)
	if !ok {
		return nil
	}
	if memory < minMemory {
		return field.ErrorList{field.Invalid(path.Child("resources", "memory"), a.Resources.Memory, "must be at least "+a.leastMemory())}
	}
	most := MaxConnectionsFor(memory)
	if a.MaxConnections > most && a.MaxConnections <= maxConnections {
		return field.ErrorList{field.Invalid(path.Child("maxConnections"), a.MaxConnections,
			fmt.Sprintf("must be at most %d with resources.memory %s", most, a.Resources.Memory))}
	}
	return nil
}

func (a *Args) checkSettings(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(a.Settings)) {
		switch {
		case !settingName.MatchString(name):
			errs = append(errs, field.Invalid(path.Child(name), settings.Short(name), "the key must be the name of a PostgreSQL setting"))
		case a.Members > 1 && patroniDecides(name):
			errs = append(errs, field.Forbidden(path.Child(name), "is decided by Patroni with members above 1"))
		case a.Backup != nil && backupDecides(name):
			errs = append(errs, field.Forbidden(path.Child(name), "is decided by the component with backup"))
		case decided(name), tlsDecides(a, name):
			errs = append(errs, field.Forbidden(path.Child(name), "is decided by the component"))
		case strings.ContainsAny(a.Settings[name], "\r\n\x00"):
			errs = append(errs, field.Invalid(path.Child(name), settings.Short(a.Settings[name]), "must be one line"))
		}
	}
	return errs
}
