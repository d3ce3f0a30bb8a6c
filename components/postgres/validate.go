package postgres

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/check"
)

const (
	maxShardID = 9999
	// longestSuffix is what the longest object name puts behind the component's.
	longestSuffix = "-shard-9999-headless"
)

var settingName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)?$`)

// Validate returns every mistake in the arguments at once, each with the path
// of its field, or nil. Values that are only known during the deployment are
// checked by Kubernetes.
func (a *Args) Validate() error {
	d := a.withDefaults()
	var errs check.Errors
	d.validateShards(&errs)
	d.validateServer(&errs)
	d.validateMemory(&errs)
	d.validateSettings(&errs)
	d.validateStorage(&errs)
	d.validatePlacement(&errs)
	return errs.Err()
}

func (a *Args) validateShards(errs *check.Errors) {
	if len(a.Shards) == 0 {
		errs.Addf("shards", "names no shard")
	}
	seen := map[int]bool{}
	for i, id := range a.Shards {
		path := fmt.Sprintf("shards[%d]", i)
		errs.Range(path, id, 0, maxShardID)
		if seen[id] {
			errs.Addf(path, "%d is given twice", id)
		}
		seen[id] = true
	}
	for i, id := range a.Drained {
		if !seen[id] {
			errs.Addf(fmt.Sprintf("drained[%d]", i), "%d is not one of the shards", id)
		}
	}
}

func (a *Args) validateServer(errs *check.Errors) {
	kube.Image(errs, "image", a.Image)
	kube.PullPolicy(errs, "imagePullPolicy", a.ImagePullPolicy)
	a.Resources.Validate(errs, "resources")
	errs.Range("terminationGraceSeconds", a.TerminationGraceSeconds, 30, 3600)
	for i, caller := range a.Callers {
		caller.Validate(errs, fmt.Sprintf("callers[%d]", i))
	}
}

// validateMemory refuses more connections than the memory limit can serve.
func (a *Args) validateMemory(errs *check.Errors) {
	memory, ok := bytesOf(a.Resources.Memory)
	if !ok {
		return
	}
	if memory < minMemory {
		errs.Addf("resources.memory", "%s is below 256Mi", a.Resources.Memory)
		return
	}
	most := MaxConnectionsFor(memory)
	if a.MaxConnections < minConnections || a.MaxConnections > most {
		errs.Addf("maxConnections", "%d is not between %d and %d, what resources.memory %s allows",
			a.MaxConnections, minConnections, most, a.Resources.Memory)
	}
}

func (a *Args) validateSettings(errs *check.Errors) {
	for _, name := range sortedKeys(a.Settings) {
		path := "settings." + name
		switch {
		case !settingName.MatchString(name):
			errs.Addf(path, "%q is not the name of a setting", name)
		case decided(name):
			errs.Addf(path, "%q is decided by the component", name)
		case strings.ContainsAny(a.Settings[name], "\r\n\x00"):
			errs.Addf(path, "%q is more than one line", a.Settings[name])
		}
	}
}

func (a *Args) validateStorage(errs *check.Errors) {
	size, ok := kube.Quantity(errs, "storage.size", a.Storage.Size)
	if ok && size.Value() < minDisk {
		errs.Addf("storage.size", "%s is below 1Gi", a.Storage.Size)
	}
	errs.OneOf("storage.accessMode", a.Storage.AccessMode, "ReadWriteOnce", "ReadWriteOncePod")
}

func (a *Args) validatePlacement(errs *check.Errors) {
	errs.OneOf("disruption", string(a.Disruption), string(DisruptOne), string(DisruptNone), string(DisruptAny))
	errs.OneOf("rollout", string(a.Rollout), string(RolloutSerial), string(RolloutParallel))
	errs.OneOf("zoneSpread", a.ZoneSpread, "ScheduleAnyway", "DoNotSchedule")
}

// bytesOf reads a quantity that Resources.Validate has checked or refused.
func bytesOf(value string) (int64, bool) {
	var ignored check.Errors
	q, ok := kube.Quantity(&ignored, "", value)
	return q.Value(), ok
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
