package kafka

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	v1beta2 = "kafka.strimzi.io/v1beta2"
	v1      = "kafka.strimzi.io/v1"
)

// apiVersions are all that a resource of a stack may ever have had.
var apiVersions = []string{v1beta2, v1}

// kafkaOf lists the versions of Kafka that each release of the operator runs, from
// kafka-versions.yaml at the release's tag. Releases before 0.42 are left out: there
// KRaft was a feature gate.
var kafkaOf = map[string][]string{
	"0.42.0": {"3.6.0", "3.6.1", "3.6.2", "3.7.0", "3.7.1"},
	"0.43.0": {"3.7.0", "3.7.1", "3.8.0"},
	"0.44.0": {"3.7.0", "3.7.1", "3.8.0"},
	"0.45.0": {"3.8.0", "3.8.1", "3.9.0"},
	"0.45.1": {"3.8.0", "3.8.1", "3.9.0", "3.9.1"},
	"0.45.2": {"3.8.0", "3.8.1", "3.9.0", "3.9.1", "3.9.2"},
	"0.46.0": {"3.9.0", "4.0.0"},
	"0.46.1": {"3.9.0", "4.0.0"},
	"0.47.0": {"3.9.0", "3.9.1", "4.0.0"},
	"0.48.0": {"4.0.0", "4.1.0"},
	"0.49.0": {"4.0.0", "4.0.1", "4.1.0", "4.1.1"},
	"0.49.1": {"4.0.0", "4.0.1", "4.1.0", "4.1.1"},
	"0.50.0": {"4.0.0", "4.0.1", "4.1.0", "4.1.1"},
	"0.50.1": {"4.0.0", "4.0.1", "4.1.0", "4.1.1"},
	"0.51.0": {"4.1.0", "4.1.1", "4.2.0"},
	"1.0.0":  {"4.1.0", "4.1.1", "4.1.2", "4.2.0"},
	"1.0.1":  {"4.1.0", "4.1.1", "4.1.2", "4.2.0"},
	"1.1.0":  {"4.2.0", "4.2.1", "4.3.0"},
	"1.2.0":  {"4.2.0", "4.2.1", "4.3.0", "4.3.1"},
}

// newestMetadata is the last stable metadata version of each Kafka, as Strimzi's
// kafka-versions.yaml and Kafka's MetadataVersion have it. Strimzi refuses a cluster with a
// later one, and goes on with the present one where Kafka is older.
var newestMetadata = map[string]string{
	"3.6": "3.6-IV2", "3.7": "3.7-IV4", "3.8": "3.8-IV0", "3.9": "3.9-IV0",
	"4.0": "4.0-IV3", "4.1": "4.1-IV1", "4.2": "4.2-IV1", "4.3": "4.3-IV0",
}

var (
	kafkaVersion    = regexp.MustCompile(`^(\d+)\.(\d+)\.\d+$`)
	metadataVersion = regexp.MustCompile(`^(\d+)\.(\d+)-IV(\d+)$`)
)

// checkVersions holds the four versions against each other.
func (a *Args) checkVersions(path *field.Path) field.ErrorList {
	return slices.Concat(a.checkOperatorRuns(path), a.checkMetadataVersion(path.Child("metadataVersion")))
}

// checkOperatorRuns refuses what the operator would not act on.
func (a *Args) checkOperatorRuns(path *field.Path) field.ErrorList {
	operator := a.Operator.Version
	runs, known := kafkaOf[operator]
	if !known {
		releases := slices.SortedFunc(maps.Keys(kafkaOf), compareVersions)
		return field.ErrorList{field.NotSupported(path.Child("operator", "version"), operator, releases)}
	}
	var errs field.ErrorList
	if !slices.Contains(runs, a.Version) {
		errs = append(errs, field.Invalid(path.Child("version"), a.Version,
			fmt.Sprintf("must be one that operator %s runs: %s", operator, strings.Join(runs, ", "))))
	}
	if slices.Contains(apiVersions, a.APIVersion) && !serves(operator, a.APIVersion) {
		errs = append(errs, field.Invalid(path.Child("apiVersion"), a.APIVersion, "must be served by operator "+operator+
			": v1beta2 up to 0.51, v1 from 0.49 on"))
	}
	return errs
}

// serves reports whether a release's definitions have the API version.
func serves(operator, apiVersion string) bool {
	if apiVersion == v1 {
		return compareVersions(operator, "0.49.0") >= 0
	}
	return compareVersions(operator, "1.0.0") < 0
}

func (a *Args) checkMetadataVersion(path *field.Path) field.ErrorList {
	metadata := metadataVersion.FindStringSubmatch(a.MetadataVersion)
	if metadata == nil {
		return field.ErrorList{field.Invalid(path, a.MetadataVersion, "must be a version such as 3.7-IV4")}
	}
	version := kafkaVersion.FindStringSubmatch(a.Version)
	if version != nil && slices.Compare(numbers(metadata[1:3]), numbers(version[1:3])) > 0 {
		return field.ErrorList{field.Invalid(path, a.MetadataVersion, "must not be above version "+a.Version)}
	}
	newest, known := newestMetadata[metadata[1]+"."+metadata[2]]
	if known && compareMetadata(a.MetadataVersion, newest) > 0 {
		return field.ErrorList{field.Invalid(path, a.MetadataVersion, "must be at most "+newest+", the last one of Kafka "+metadata[1]+"."+metadata[2])}
	}
	return nil
}

// compareVersions compares versions such as 0.44.0 by their numbers.
func compareVersions(a, b string) int {
	return slices.Compare(numbers(strings.Split(a, ".")), numbers(strings.Split(b, ".")))
}

// compareMetadata compares metadata versions such as 3.7-IV4. One that is none
// counts as older than all.
func compareMetadata(a, b string) int {
	parts := func(version string) []int {
		found := metadataVersion.FindStringSubmatch(version)
		if found == nil {
			return nil
		}
		return numbers(found[1:])
	}
	return slices.Compare(parts(a), parts(b))
}

func numbers(texts []string) []int {
	list := make([]int, len(texts))
	for i, text := range texts {
		list[i], _ = strconv.Atoi(text) // their patterns take digits only
	}
	return list
}
