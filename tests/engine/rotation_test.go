package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

// secret is a value in a Secret, "" where it has none.
func (r *rig) secret(name string, key resource.PropertyKey) string {
	plain := func(value resource.PropertyValue) resource.PropertyValue {
		if value.IsSecret() {
			return value.SecretValue().Element
		}
		return value
	}
	if value := plain(plain(r.objects["Secret "+name]["stringData"]).ObjectValue()[key]); value.IsString() {
		return value.StringValue()
	}
	return ""
}

// superuser lists the passwords of a shard's superuser, the current one first.
func (r *rig) superuser(shard int) []string {
	name := fmt.Sprintf("postgres-shard-%d-admin", shard)
	return strings.Split(strings.TrimSpace(r.secret(name, "password")+"\n"+r.secret(name, "former")), "\n")
}

// A rotation that has not ended may be taken back: the passwords of before are as they were, and those that a server may have
// got meanwhile are still known.
func TestARotationThatFailsMayBeTakenBack(t *testing.T) {
	for _, first := range []int{0, 1} {
		config := map[string]string{"services": webWith(3, 3)}
		rotation := func(number int) {
			config["postgres"] = fmt.Sprintf(`{"shards":2,"initialShards":2,"passwordRotation":%d}`, number)
		}
		rotation(first)
		r := newStack(t, config)
		r.mustRun(update)
		superuser, web := r.superuser(0), r.secret("postgres-roles-login-web", "password")
		require.Len(t, superuser, first+1)

		rotation(first + 1)
		r.mustRun(refresh)
		r.unready = "Job"
		_, err := r.run(update, false)
		require.Error(t, err)
		r.unready = ""
		begun := r.superuser(0)
		require.Equal(t, superuser[0], begun[1])
		require.Equal(t, web, r.secret("postgres-roles-login-web", "password"))

		rotation(first + 2)
		said, err := r.run(update, true)
		if first > 0 {
			require.Error(t, err)
			require.Contains(t, said, "scalestack:postgres.passwordRotation: Invalid value: 3: must be 1 or, for new passwords, 2")
		}

		rotation(first)
		r.mustRun(update)
		back := r.superuser(0)
		require.Equal(t, superuser[0], back[0])
		require.Contains(t, back, begun[0], "a server that has it lets nobody else in")
		require.Equal(t, web, r.secret("postgres-roles-login-web", "password"), "pods log in with it")
		r.mustRun(update)
		require.Empty(t, r.done)

		rotation(first + 1)
		r.mustRun(update)
		require.Equal(t, begun, r.superuser(0))
		require.NotEqual(t, web, r.secret("postgres-roles-login-web", "password"))
		r.mustRun(update)
		require.Empty(t, r.done)
	}
}
