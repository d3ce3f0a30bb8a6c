package kafka

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

// newest is what a stack has behind the upgrade path.
func newest() *Args {
	a := production()
	a.Operator.Version, a.Version, a.MetadataVersion, a.APIVersion = "1.2.0", "4.3.1", "4.3-IV0", v1
	return a
}

func TestVersionsMustFitEachOther(t *testing.T) {
	require.NoError(t, newest().Validate())
	requireMistakes(t, map[string]func(*Args){
		`operator.version: Unsupported value: "0.44": supported values: "0.42.0", "0.43.0"`:                       func(a *Args) { a.Operator.Version = "0.44" },
		`version: Invalid value: "3.7": must be one that operator 0.44.0 runs: 3.7.0, 3.7.1, 3.8.0`:               func(a *Args) { a.Version = "3.7" },
		`version: Invalid value: "3.7.1": must be one that operator 0.45.0 runs: 3.8.0, 3.8.1, 3.9.0`:             func(a *Args) { a.Operator.Version = "0.45.0" },
		`apiVersion: Unsupported value: "v1beta2": supported values: "kafka.strimzi.io/v1beta2"`:                  func(a *Args) { a.APIVersion = "v1beta2" },
		`apiVersion: Invalid value: "kafka.strimzi.io/v1": must be served by operator 0.44.0: v1beta2 up to 0.51`: func(a *Args) { a.APIVersion = v1 },
		`apiVersion: Invalid value: "kafka.strimzi.io/v1beta2": must be served by operator 1.2.0`: func(a *Args) {
			*a = *newest()
			a.APIVersion = v1beta2
		},
		`metadataVersion: Invalid value: "3.7": must be a version such as 3.7-IV4`:                      func(a *Args) { a.MetadataVersion = "3.7" },
		`metadataVersion: Invalid value: "3.7-IV5": must be at most 3.7-IV4, the last one of Kafka 3.7`: func(a *Args) { a.MetadataVersion = "3.7-IV5" },
		`metadataVersion: Invalid value: "3.10-IV0": must not be above version 3.7.1`:                   func(a *Args) { a.MetadataVersion = "3.10-IV0" },
	})
}

func TestEveryReleaseHasAnAPIVersion(t *testing.T) {
	for release, versions := range kafkaOf {
		require.True(t, serves(release, v1beta2) || serves(release, v1), release)
		require.NotEmpty(t, versions, release)
	}
	require.True(t, serves("0.49.0", v1) && serves("0.51.0", v1beta2), "both for a while, so that a stack can change")
}

func TestEveryKafkaHasANewestMetadataVersion(t *testing.T) {
	for release, versions := range kafkaOf {
		for _, version := range versions {
			minor := strings.Join(strings.Split(version, ".")[:2], ".")
			require.Contains(t, newestMetadata, minor, release)
			require.True(t, strings.HasPrefix(newestMetadata[minor], minor+"-IV"), minor)
		}
	}
}

func TestEachStepOfTheUpgradePathFits(t *testing.T) {
	for _, step := range [][3]string{
		{"0.44.0", "3.7.1", v1beta2}, {"0.44.0", "3.8.0", v1beta2}, {"0.45.1", "3.8.0", v1beta2}, {"0.45.1", "3.9.1", v1beta2},
		{"0.47.0", "3.9.1", v1beta2}, {"0.47.0", "4.0.0", v1beta2}, {"0.49.1", "4.0.0", v1beta2}, {"0.49.1", "4.1.1", v1beta2},
		{"0.51.0", "4.1.1", v1beta2}, {"0.51.0", "4.1.1", v1}, {"1.0.1", "4.1.1", v1}, {"1.0.1", "4.2.0", v1}, {"1.2.0", "4.2.0", v1},
	} {
		a := production()
		a.Operator.Version, a.Version, a.APIVersion = step[0], step[1], step[2]
		require.NoError(t, a.Validate(), step)
	}
}

// A type that changes without an alias is another resource to the engine: 11 created,
// 11 deleted.
func TestAChangeOfTheAPIVersionIsAnUpdate(t *testing.T) {
	for _, a := range []*Args{production(), newest()} {
		for _, one := range run(t, a).All() {
			if !strings.HasPrefix(one.TypeToken, "kubernetes:kafka.strimzi.io/") {
				continue
			}
			require.True(t, strings.HasPrefix(one.TypeToken, "kubernetes:"+a.withDefaults().APIVersion+":"), one.TypeToken)
			require.Equal(t, "kafka", kubetest.Text(one, `metadata.labels["strimzi.io/cluster"]`), one.Name)
			kind := one.TypeToken[strings.LastIndex(one.TypeToken, ":"):]
			var types []string
			for _, alias := range one.RegisterRPC.GetAliases() {
				types = append(types, alias.GetSpec().GetType())
			}
			types = append(types, one.TypeToken)
			require.Subset(t, types, []string{"kubernetes:kafka.strimzi.io/v1beta2" + kind, "kubernetes:kafka.strimzi.io/v1" + kind})
		}
	}
}

func TestCompareMetadata(t *testing.T) {
	require.Negative(t, compareMetadata("3.7-IV4", "3.10-IV0"))
	require.Negative(t, compareMetadata("3.7-IV2", "3.7-IV4"))
	require.Zero(t, compareMetadata("3.7-IV4", "3.7-IV4"))
}
