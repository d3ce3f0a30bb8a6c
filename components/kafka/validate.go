package kafka

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/check"
)

var (
	kafkaVersion      = regexp.MustCompile(`^(\d+)\.(\d+)\.\d+$`)
	metadataVersion   = regexp.MustCompile(`^(\d+)\.(\d+)-IV\d+$`)
	kubernetesVersion = regexp.MustCompile(`^(\d+)\.(\d+)$`)
)

// Validate returns every mistake in the arguments at once, each with the path
// of its field, or nil.
func (a *Args) Validate() error {
	return a.withDefaults().validate()
}

// validate expects the defaults to be filled in.
func (a *Args) validate() error {
	var errs check.Errors
	a.validateVersions(&errs)
	a.validatePools(&errs)
	validateReplication(&errs, "", a.ReplicationFactor, a.MinInSync, a.count(Broker), "replicationFactor")
	a.validateConfig(&errs)
	for i, client := range a.Clients {
		client.Validate(&errs, index("clients", i))
	}
	a.EntityOperator.Validate(&errs, "entityOperator")
	if a.CruiseControl != nil {
		a.CruiseControl.Validate(&errs, "cruiseControl")
	}
	if a.Exporter != nil {
		a.Exporter.Validate(&errs, "exporter")
	}
	errs.Range("readyMinutes", a.ReadyMinutes, 1, 120)
	a.validateTopics(&errs)
	a.validateUsers(&errs)
	return errs.Err()
}

func (a *Args) validateVersions(errs *check.Errors) {
	errs.OneOf("operator.mode", string(a.Operator.Mode), string(Present), string(Install))
	if v := a.Operator.KubernetesVersion; v != "" && !kubernetesVersion.MatchString(v) {
		errs.Addf("operator.kubernetesVersion", "%q is not a version such as 1.33", v)
	}
	if group, version, _ := strings.Cut(a.APIVersion, "/"); group != "kafka.strimzi.io" || version == "" {
		errs.Addf("apiVersion", "%q is not a version such as kafka.strimzi.io/v1beta2", a.APIVersion)
	}
	version := kafkaVersion.FindStringSubmatch(a.Version)
	metadata := metadataVersion.FindStringSubmatch(a.MetadataVersion)
	if version == nil {
		errs.Addf("version", "%q is not a version such as 3.7.1", a.Version)
	}
	if metadata == nil {
		errs.Addf("metadataVersion", "%q is not a version such as 3.7-IV4", a.MetadataVersion)
	}
	if version != nil && metadata != nil && slices.Compare(numbers(metadata[1:3]), numbers(version[1:3])) > 0 {
		errs.Addf("metadataVersion", "%s is above version %s", a.MetadataVersion, a.Version)
	}
	if a.RackKey != "" && len(validation.IsQualifiedName(a.RackKey)) > 0 {
		errs.Addf("rackKey", "%q is not a label such as topology.kubernetes.io/zone", a.RackKey)
	}
}

func (a *Args) validatePools(errs *check.Errors) {
	seen := map[string]bool{}
	for i, pool := range a.Pools {
		path := index("pools", i)
		pool.validate(errs, path)
		if seen[pool.Name] {
			errs.Addf(path+".name", "%q is used twice", pool.Name)
		}
		seen[pool.Name] = true
	}
	if n := a.count(Controller); !slices.Contains([]int{1, 3, 5}, n) {
		errs.Addf("pools", "%d controllers are not 1, 3 or 5", n)
	}
	if a.count(Broker) == 0 {
		errs.Addf("pools", "0 brokers cannot keep a message")
	}
}

func (p Pool) validate(errs *check.Errors, path string) {
	kube.Name(errs, path+".name", p.Name, "")
	errs.Range(path+".replicas", p.Replicas, 1, 100)
	if len(p.Roles) == 0 {
		errs.Addf(path+".roles", "is empty: give controller, broker or both")
	}
	for i, role := range p.Roles {
		errs.OneOf(index(path+".roles", i), string(role), string(Controller), string(Broker))
	}
	kube.Quantity(errs, path+".storage.size", p.Storage.Size)
	p.Resources.Validate(errs, path+".resources")
}

// validateReplication checks one pair of figures: those of the cluster or those
// of a topic.
func validateReplication(errs *check.Errors, prefix string, replicas, minInSync, brokers int, field string) {
	if brokers == 0 {
		return
	}
	if replicas < 1 || replicas > brokers {
		errs.Addf(prefix+field, "%d is not between 1 and the %d brokers", replicas, brokers)
		return
	}
	switch {
	case replicas == 1 && minInSync != 1:
		errs.Addf(prefix+"minInSync", "%d is not 1, the only value for one replica", minInSync)
	case replicas > 1 && (minInSync < 1 || minInSync >= replicas):
		errs.Addf(prefix+"minInSync", "%d is not between 1 and %d, below the %d replicas", minInSync, replicas-1, replicas)
	}
}

func (a *Args) validateConfig(errs *check.Errors) {
	own := a.brokerConfig()
	for _, key := range slices.Sorted(maps.Keys(a.Config)) {
		if _, taken := own[key]; taken {
			errs.Addf("config", "%q is decided by another field", key)
		}
	}
}

func numbers(texts []string) []int {
	list := make([]int, len(texts))
	for i, text := range texts {
		list[i], _ = strconv.Atoi(text)
	}
	return list
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
