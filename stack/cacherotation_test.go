package stack

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

// A new stack may begin with any number, as one that is adopted into an empty state does.
func TestARotationOfTheCacheIsNotSkipped(t *testing.T) {
	const lockedOut = ": pods may have a password of before, which the servers would refuse, and could not invalidate what others read"
	for _, one := range []struct {
		state  []int
		wanted int
		want   string
	}{
		{nil, 5, ""}, {[]int{0}, 0, ""}, {[]int{0}, 1, ""}, {[]int{1, 2}, 2, ""}, {[]int{2, 1}, 3, ""},
		{[]int{0}, 2, "Invalid value: 2: must be at most 1" + lockedOut},
		{[]int{1, 2}, 4, "Invalid value: 4: must be at most 3" + lockedOut},
		// A rotation that has not ended may go on and be taken back.
		{[]int{1, 2, 3}, 3, ""}, {[]int{1, 2, 3}, 2, ""},
		{[]int{1, 2, 3}, 4, "Invalid value: 4: must be at most 3" + lockedOut},
	} {
		c := shop(t, map[string]string{"scalestack:redis": fmt.Sprintf(`{"passwordRotation":%d}`, one.wanted)})
		errs := c.judgeCacheRotation(past{cachePasswords: one.state})
		if one.want == "" {
			require.Empty(t, errs, "%+v", one)
			continue
		}
		require.EqualError(t, errs.ToAggregate(), "redis.passwordRotation: "+one.want)
	}
}

// Pods may have the password of a rotation that is taken back: it stays, and the servers take it.
func TestARotationOfTheCacheIsTakenBack(t *testing.T) {
	const urn = "urn:pulumi:prod::scalestack::scalestack:redis:Redis$random:index/randomPassword:RandomPassword::redis-"
	password := map[string]any{"type": "random:index/randomPassword:RandomPassword", "outputs": map[string]any{}}
	e := &engine{
		outputs: resource.NewPropertyMapFromMap(map[string]any{"cluster": clustertest.ID, "namespace": "scalestack"}),
		resources: resource.NewPropertyMapFromMap(map[string]any{
			urn + "app-password-1": password, urn + "app-password-2": password, urn + "app-password-3": password, urn + "exporter-password-9": password,
		}),
	}
	there := &clustertest.Fake{Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)}}
	require.NoError(t, e.run(t, there, map[string]string{"scalestack:redis": `{"passwordRotation":2}`}))
	var made []string
	for _, one := range e.registered {
		if cachePassword.MatchString("::" + one.Name) {
			made = append(made, one.Name)
		}
	}
	require.ElementsMatch(t, []string{"redis-app-password-2", "redis-app-password-1", "redis-app-password-3"}, made)
	require.ErrorContains(t, e.run(t, there, map[string]string{"scalestack:redis": `{"passwordRotation":4}`}), "must be at most 3")
}
