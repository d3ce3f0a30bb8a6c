package stack

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
	"github.com/scalestack/scalestack/sharding/access"
)

// Each service has a role of its own with its share of the connection budget.
func TestEachRoleMayDoWhatItsServiceDeclares(t *testing.T) {
	c := shop(t, map[string]string{"scalestack:postgres": `{"passwordRotation":3}`})
	require.Equal(t, access.Spec{Rotation: 3, Former: []string{"app"}, Services: []access.Service{
		{Name: "relay", Connections: 13, StatementTimeout: 60, IdleTransactionTimeout: 60, Read: []string{"orders"}},
		{Name: "shardctl", Connections: 3, StatementTimeout: 60, IdleTransactionTimeout: 60},
		{Name: "web", Connections: 2 * 13, StatementTimeout: 60, IdleTransactionTimeout: 60, Read: []string{"customers"}, Write: []string{"orders", "shop.*"}},
	}}, c.roles())
}

// Only a service's own Secret and the map tell its pods where the shards are.
func TestEachServiceLogsInWithItsOwnSecret(t *testing.T) {
	c := shop(t, nil)
	for key, want := range map[string]string{"web": "web-login", "relay": "relay-login", "shardctl": "shardctl-login"} {
		for _, mount := range c.serviceArgs(c.Services[key], wiredHere()).Mounts {
			for _, secret := range mount.Secrets {
				if mount.Path == credentialsFolder {
					require.Equal(t, pulumi.String(want), secret.Secret, key)
				}
			}
		}
	}
}

// The Job runs again when a role would change: a service gets no login that the
// databases do not know.
func TestAChangedRolePreparesTheShardsAgain(t *testing.T) {
	args := func(postgres, services string) *job.Args {
		more := map[string]string{"scalestack:postgres": postgres}
		if services != "" {
			more["scalestack:services"] = services
		}
		c := shop(t, more)
		return c.migrateArgs(here, here, here)
	}
	const web = `{"web":{"image":"a:1","uses":{"shards":{"pool":2,"write":["orders"]}}}}`
	same := args(`{}`, web).Revision
	require.Equal(t, same, args(`{"protect":true}`, web).Revision)
	require.Equal(t, same, args(`{}`, strings.Replace(web, "a:1", "a:2", 1)).Revision)
	require.NotEqual(t, same, args(`{"passwordRotation":1}`, web).Revision)
	for old, changed := range map[string]string{"write": "read", `"pool":2`: `"pool":3`, "orders": "items", `"write":`: `"execute":["total"],"write":`, `"web"`: `"shop"`} {
		require.NotEqual(t, same, args(`{}`, strings.Replace(web, old, changed, 1)).Revision, changed)
	}
	a := args(`{}`, web)
	require.Equal(t, pulumi.String("/etc/scalestack/roles/roles.json"), a.BaseEnv["SCALESTACK_ROLES"])
	require.Equal(t, rolesFolder, a.Mounts[len(a.Mounts)-1].Path)
}

// The first rotation adds what administrators need to bridge it, and nothing is there before.
func TestAdministratorsGetTheFormerPasswordsToo(t *testing.T) {
	for rotation, want := range map[int]map[string]string{
		0: {"mover-username": "shard-1/username", "mover-password": "shard-1/password"},
		1: {"mover-username": "shard-1/username", "mover-password": "shard-1/password", "mover-former": "shard-1/former"},
	} {
		c := shop(t, map[string]string{"scalestack:postgres": fmt.Sprintf(`{"passwordRotation":%d}`, rotation)})
		for _, a := range []*job.Args{c.migrateArgs(here, here, here), c.reshardArgs(here, here, here)} {
			require.Equal(t, want, a.Mounts[1].Secrets[1].Files)
			_, told := a.BaseEnv["SCALESTACK_ADMINISTRATORS"]
			require.Equal(t, rotation > 0, told)
		}
		require.NotContains(t, c.serviceArgs(c.Services["web"], wiredHere()).Mounts[1].Secrets[1].Files, "former", "a service has one password")
		require.Equal(t, rotation, c.postgresArgs(here).PasswordRotation)
	}
}

func TestARotationIsNeitherSkippedNorTakenBack(t *testing.T) {
	const lost = ": with any other nobody knows the password that the shards' superuser has"
	for _, one := range []struct {
		last, wanted int
		want         string
	}{
		{0, 5, ""}, {2, 2, ""}, {2, 3, ""},
		{2, 1, "Invalid value: 1: must be 2 or, for new passwords, 3" + lost},
		{2, 4, "Invalid value: 4: must be 2 or, for new passwords, 3" + lost},
	} {
		c := shop(t, map[string]string{"scalestack:postgres": fmt.Sprintf(`{"passwordRotation":%d}`, one.wanted)})
		errs := c.judgeRotation(past{rotation: one.last})
		if one.want == "" {
			require.Empty(t, errs)
			continue
		}
		require.EqualError(t, errs.ToAggregate(), "postgres.passwordRotation: "+one.want)
	}
}

// The state of an earlier release has services' passwords without a number.
func TestTheStateTellsHowFarARotationCame(t *testing.T) {
	password := func(rotation string) map[string]any {
		return map[string]any{"type": "random:index/randomPassword:RandomPassword", "outputs": map[string]any{"keepers": map[string]any{"rotation": rotation}}}
	}
	const urn = "urn:pulumi:prod::scalestack::scalestack:postgres:Postgres$random:index/randomPassword:RandomPassword::postgres-"
	e := &engine{
		outputs: resource.NewPropertyMapFromMap(map[string]any{"cluster": clustertest.ID, "namespace": "scalestack"}),
		resources: resource.NewPropertyMapFromMap(map[string]any{
			urn + "shard-0-admin-password": password("1"), urn + "shard-0-admin-password-2": password(""), urn + "shard-1-admin-password-3": password(""),
			urn + "roles-login-shardctl-password": password("3"),
			"urn:s": map[string]any{"type": "kubernetes:core/v1:Secret", "outputs": map[string]any{
				"metadata": map[string]any{"annotations": map[string]any{"scalestack/rotation": "3"}},
			}},
		}),
	}
	there := &clustertest.Fake{Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)}}
	for rotation, want := range map[int]string{3: "postgres-roles-login-shardctl-password", 4: "postgres-roles-login-shardctl-password-4"} {
		e.registered = nil
		require.NoError(t, e.run(t, there, map[string]string{"scalestack:postgres": fmt.Sprintf(`{"passwordRotation":%d}`, rotation)}))
		var logins []string
		for _, one := range e.registered {
			if strings.HasPrefix(one.Name, "postgres-roles-login-shardctl-") {
				logins = append(logins, one.Name)
			}
		}
		require.Equal(t, []string{want}, logins)
	}
	require.ErrorContains(t, e.run(t, there, map[string]string{"scalestack:postgres": `{"passwordRotation":5}`}), "must be 3 or, for new passwords, 4")
}

func TestWrongTablesAreRefused(t *testing.T) {
	_, err := load(t, map[string]string{"scalestack:services": `{
		"a":{"image":"a:1","uses":{"shards":{"pool":1}}},
		"b":{"image":"a:1","uses":{"shards":{"pool":1,"write":["Orders","scalestack.move","orders"],"read":["public.orders"],"execute":["orders","total()"]}}}}`})
	require.EqualError(t, err, `scalestack:services.b.uses.shards.write[0]: Invalid value: "Orders" is not name, schema.name or schema.* in lower-case letters, digits and _
scalestack:services.b.uses.shards.write[1]: Invalid value: "scalestack.move" is in a schema of the system: every service may read what it needs there
scalestack:services.b.uses.shards.read[0]: Duplicate value: "public.orders"
scalestack:services.b.uses.shards.execute[1]: Invalid value: "total()" is not name, schema.name or schema.* in lower-case letters, digits and _
scalestack:services.a.uses.shards.write: Required value: the tables that the service uses, in write or read; ["public.*"] for all of the schema public`)
}
