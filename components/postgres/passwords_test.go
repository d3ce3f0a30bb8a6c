package postgres

import (
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

func rotated(rotation, members int) *Args {
	a := &Args{Shards: []int{0}, PasswordRotation: rotation, Exporter: &Exporter{}}
	if members > 1 {
		threeMembers(a)
	}
	return a
}

// A rotation changes the Secrets, and no pod of a single server.
func TestARotationChangesSecretsOnly(t *testing.T) {
	template := func(rotation, members int) string {
		return kubetest.Text(run(t, rotated(rotation, members)).Get(t, "StatefulSet", "postgres-shard-0"), `spec.template.metadata.annotations["scalestack/checksum"]`)
	}
	require.Equal(t, template(0, 1), template(1, 1))
	require.NotEqual(t, template(0, 3), template(1, 3), "the members learn to follow, once")
	require.Equal(t, template(1, 3), template(2, 3))
	for rotation, former := range []int{0, 1, 2, 2} {
		record := run(t, rotated(rotation, 1))
		secret := record.Get(t, "Secret", "postgres-shard-0-admin")
		require.Equal(t, former, strings.Count(kubetest.Text(secret, "stringData.former"), "\n"), "rotation %d", rotation)
		require.NotContains(t, kubetest.Text(record.Get(t, "Secret", "postgres-shard-0-app"), "stringData"), "former")
		record.RequireNoPlainSecret(t, kubetest.Password)
	}
}

// Whoever logs in as the superuser of a single server does so with the former password until it has the new one.
func TestTheFormerPasswordIsTriedWhereTheCurrentOneIsRefused(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	s.start()
	s.write("monitor-credentials/shard-0/former", "never\nadmin-1\n")
	output, err := s.monitorAs("admin-2", "monitors-password")
	require.NoError(t, err, output)
	require.NoError(t, os.Remove(s.at("monitor-credentials/shard-0/former")))
	output, err = s.monitorAs("admin-2", "monitors-password")
	require.ErrorContains(t, err, "exit status 1")
	require.Contains(t, output, "password authentication failed")
}

// So do base backups, and the Job that looks at the archives.
func TestBackupsTryTheFormerPassword(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	s.start()
	s.write("admin/password", "admin-2")
	s.write("admin/former", "never\nadmin-1\n")
	s.base()
	s.exec("ALTER ROLE postgres PASSWORD 'admin-2'")
	s.base()
	requireRefusedArchiving := func() {
		output, err := archiving(store.args(nil), archiveAfter, s)
		require.Error(t, err)
		require.Contains(t, output, "password authentication failed")
	}
	requireRefusedArchiving()
	s.write("job/credentials/shard-0/former", "never\nadmin-2\n")
	requireArchiving(t, "all shards archive", store.args(nil), archiveAfter, s)
}

// A base backup has the password of its time, and the restored shard the present one.
func TestARestoredShardHasThePresentPassword(t *testing.T) {
	store := newStore(t)
	s, moment, _ := archived(t, store)
	s.passwords("admin-2", appPassword)
	s.requireRestore(store, Restore{Name: "friday", To: moment})
	s.start()
	require.Equal(t, "t", s.query("postgres", "admin-2", "SELECT (count(*) > 0)::text FROM kept")[:1])
	_, err := s.connect("postgres", "admin-1")
	require.ErrorContains(t, err, "password authentication failed")
}

// What was restored, cloned or left over has the password of its time until its server starts.
func TestAStartSetsThePasswordOfTheSecret(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	s.passwords("admin-2", "app-1")
	s.requireBootstrap()
	s.start()
	require.Equal(t, "postgres", s.query("postgres", "admin-2", "SELECT current_user"))
	_, err := s.connect("postgres", "admin-1")
	require.ErrorContains(t, err, "password authentication failed")
}

func TestTheDescriptionHasTheAdministrators(t *testing.T) {
	spec := testSpec()
	names := func(administrators map[string]pulumi.StringInput) string {
		name, err := (&RolesArgs{Spec: spec, Administrators: administrators}).secret("roles")
		require.NoError(t, err)
		return name
	}
	usual, err := SpecSecret("roles", spec)
	require.NoError(t, err)
	one := map[string]pulumi.StringInput{"shard-0": pulumi.String("a")}
	require.Equal(t, usual, names(nil), "as before the first rotation")
	require.NotEqual(t, usual, names(one))
	require.Equal(t, names(one), names(map[string]pulumi.StringInput{"shard-0": pulumi.String("b")}))
	record := kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := NewRoles(ctx, "roles", &RolesArgs{Spec: spec, Administrators: map[string]pulumi.StringInput{"shard-0": pulumi.Sprintf("%s", "of shard 0")},
			Prepare: func(pulumi.StringOutput) ([]pulumi.Resource, error) { return nil, nil }})
		return err
	})
	require.JSONEq(t, `{"shard-0": "of shard 0"}`, kubetest.Text(record.Get(t, "Secret", names(one)), "stringData[\"administrators.json\"]"))
	require.NotEqual(t, names(one), names(map[string]pulumi.StringInput{"shard-0": pulumi.String("a"), "shard-1": pulumi.String("b")}), "a Job must not read one without the new shard")
}
