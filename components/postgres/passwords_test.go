package postgres

import (
	"encoding/json"
	"os"
	"slices"
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
	verdict := func(rotation int) string {
		names := run(t, rotated(rotation, 1)).Names()
		return names[slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, "Job postgres-rollout-") })]
	}
	require.NotEqual(t, verdict(0), verdict(1))
	require.NotEqual(t, verdict(1), verdict(2))
	for rotation, former := range []int{0, 1, 2, 2} {
		record := run(t, rotated(rotation, 3))
		for _, name := range []string{"admin", "app"} {
			secret := record.Get(t, "Secret", "postgres-shard-0-"+name)
			require.Equal(t, former, strings.Count(kubetest.Text(secret, "stringData.former"), "\n"), "rotation %d", rotation)
		}
		var settings struct{ RestAPI struct{ Former []string } }
		require.NoError(t, json.Unmarshal([]byte(kubetest.Text(record.Get(t, "Secret", "postgres-shard-0-patroni"), `stringData["patroni.yml"]`)), &settings))
		require.Len(t, settings.RestAPI.Former, former)
		record.RequireNoPlainSecret(t, kubetest.Password)
	}
}

// The application's role sets its own new password, and none of its passwords is to be read in the server's log.
func TestARolloutBringsTheNewPasswordOfTheApplication(t *testing.T) {
	s := newShard(t)
	s.passwords("admin-1", "first")
	s.requireBootstrap()
	logged := s.startWithLog()
	s.exec("ALTER SYSTEM SET log_statement = 'all'")
	s.query("postgres", "admin-1", "SELECT pg_reload_conf()::text")
	s.requireRefusal("password authentication failed", s.line("first"))
	s.write("credentials/shard-0/former", "never\nfirst\n")
	output, err := s.rollout(s.line("first"))
	require.NoError(t, err, "a gate goes on with the former one: %s", output)
	s.requireRefusal("the Secret with the password of rotation 2 has not arrived", s.line("first"), "ROTATION=2")
	s.write("credentials/shard-0/rotation", "2")
	require.Equal(t, "app", s.query(AppRole, "first", "SELECT current_user"))

	s.exec("ALTER SYSTEM SET default_transaction_read_only = on")
	s.query("postgres", "admin-1", "SELECT pg_reload_conf()::text")
	s.requireRefusal("it still takes a former password of role app (", s.line("first"), "ROTATION=2")
	s.exec("ALTER SYSTEM RESET default_transaction_read_only")
	s.query("postgres", "admin-1", "SELECT pg_reload_conf()::text")

	for range 2 {
		output, err = s.rollout(s.line("first"), "ROTATION=2")
		require.NoError(t, err, output)
		require.Equal(t, "app", s.query(AppRole, appPassword, "SELECT current_user"))
		_, err = s.connect(AppRole, "first")
		require.ErrorContains(t, err, "password authentication failed")
	}
	written := logged()
	require.Contains(t, written, "ALTER USER app PASSWORD 'SCRAM-SHA-256$")
	require.NotContains(t, written, "pass\\word")
}

// Whoever logs in as the mover of a single server does so with the former password until it has the new one.
func TestTheFormerPasswordIsTriedWhereTheCurrentOneIsRefused(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	s.start()
	s.write("monitor-credentials/shard-0/former", "never\nmover-of-admin-1\n")
	output, err := s.monitorAs("mover-of-admin-2", "monitors-password")
	require.NoError(t, err, output)
	require.NoError(t, os.Remove(s.at("monitor-credentials/shard-0/former")))
	output, err = s.monitorAs("mover-of-admin-2", "monitors-password")
	require.ErrorContains(t, err, "exit status 1")
	require.Contains(t, output, "password authentication failed")
}

// So does the Job that looks at the archives.
func TestTheArchivesAreLookedAtWithTheFormerPassword(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	s.start()
	s.base()
	s.exec("ALTER ROLE scalestack_mover PASSWORD 'mover-of-admin-2'")
	requireRefusedArchiving := func() {
		output, err := archiving(store.args(nil), archiveAfter, s)
		require.Error(t, err)
		require.Contains(t, output, "password authentication failed")
	}
	requireRefusedArchiving()
	s.write("job/credentials/shard-0/former", "never\nmover-of-admin-2\n")
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
	names := func(administrators map[string]pulumi.StringMap) string {
		name, err := (&RolesArgs{Spec: spec, Administrators: administrators}).secret("roles")
		require.NoError(t, err)
		return name
	}
	usual, err := SpecSecret("roles", spec)
	require.NoError(t, err)
	one := map[string]pulumi.StringMap{"shard-0": {"mover": pulumi.String("a")}}
	require.Equal(t, usual, names(nil), "as before the first rotation")
	require.NotEqual(t, usual, names(one))
	require.Equal(t, names(one), names(map[string]pulumi.StringMap{"shard-0": {"mover": pulumi.String("b")}}))
	record := kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := NewRoles(ctx, "roles", &RolesArgs{Spec: spec, Administrators: map[string]pulumi.StringMap{"shard-0": {"mover": pulumi.Sprintf("%s", "of shard 0")}},
			Prepare: func(pulumi.StringOutput) ([]pulumi.Resource, error) { return nil, nil }})
		return err
	})
	require.JSONEq(t, `{"shard-0": {"mover": "of shard 0"}}`, kubetest.Text(record.Get(t, "Secret", names(one)), "stringData[\"administrators.json\"]"))
	require.NotEqual(t, names(one), names(map[string]pulumi.StringMap{"shard-0": nil, "shard-1": nil}), "a Job must not read one without the new shard")
}
