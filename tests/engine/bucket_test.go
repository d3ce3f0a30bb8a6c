package engine

import (
	"slices"
	"strings"
	"testing"

	state "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/postgres"
)

// reachable reports whether the shards may still connect to a port.
func (r *rig) reachable(port string) bool {
	return slices.ContainsFunc(r.state.Resources, func(one *state.State) bool {
		name := one.URN.Name()
		return !one.Delete && (name == "postgres-policy" || strings.HasPrefix(name, "postgres-bucket-egress-")) &&
			strings.Contains(one.Inputs["spec"].ObjectValue()["egress"].String(), port)
	})
}

// Shards archive to the bucket that they were told until they are told another one.
func TestABucketThatIsRefusedCutsNobodyOff(t *testing.T) {
	endpoint, backup := "https://minio.example.com:9000", true
	r := twoShards(t, func(a *postgres.Args) {
		if backup {
			a.Backup = &postgres.Backup{Bucket: "s3://backups/prod", Endpoint: endpoint, CredentialsSecret: "bucket"}
		}
	})
	require.True(t, r.reachable("9000"))
	endpoint, r.unready = "https://other.example.com:9443", "Job"
	said, err := r.run(update, false)
	require.Error(t, err, said)
	require.True(t, r.reachable("9000"), "the Job refused the other one")
	require.False(t, r.reachable("9443"))
	backup = false
	said, err = r.run(update, false)
	require.Error(t, err, said)
	require.True(t, r.reachable("9000"), "a gate refused the end of the backups")

	backup, r.unready = true, ""
	r.mustRun(update)
	require.True(t, r.reachable("9443"))
	require.False(t, r.reachable("9000"))
	cut := slices.IndexFunc(r.done, func(one string) bool { return strings.HasPrefix(one, "delete NetworkPolicy postgres-bucket-egress-") })
	require.Greater(t, cut, slices.Index(r.done, "update ConfigMap postgres-shard-1-config"))
}

// An earlier version had the way to the bucket in the policy of all shards.
func TestAnUpgradeKeepsTheWayToTheBucket(t *testing.T) {
	r := twoShards(t, func(a *postgres.Args) {
		a.Backup = &postgres.Backup{Bucket: "s3://backups/prod", Endpoint: "https://minio.example.com:9000", CredentialsSecret: "bucket"}
	})
	own := slices.IndexFunc(r.state.Resources, func(one *state.State) bool { return strings.HasPrefix(one.URN.Name(), "postgres-bucket-egress-") })
	spec := r.find("NetworkPolicy", "postgres-policy").Inputs["spec"].ObjectValue()
	rules := r.state.Resources[own].Inputs["spec"].ObjectValue()["egress"].ArrayValue()
	spec["egress"] = resource.NewProperty(append(slices.Clone(spec["egress"].ArrayValue()), rules...))
	name := r.state.Resources[own].URN.Name()
	r.state.Resources = slices.Delete(r.state.Resources, own, own+1)
	for _, one := range r.state.Resources {
		one.Dependencies = slices.DeleteFunc(one.Dependencies, func(urn resource.URN) bool { return urn.Name() == name })
	}
	r.mustRun(update)
	require.Equal(t, []string{"create NetworkPolicy " + name, "update NetworkPolicy postgres-policy"}, r.done)
	require.True(t, r.reachable("9000"))
}
