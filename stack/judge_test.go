package stack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scalestack/scalestack/internal/cluster"
)

const (
	home  = "uid-of-the-cluster"
	away  = "uid-of-another-cluster"
	mine  = "acme/shop/prod@" + home
	other = "acme/shop/staging@" + home
)

// marked is a namespace with this owner.
func marked(owner string) *cluster.Object {
	return &cluster.Object{UID: "uid-of-the-namespace", Annotations: map[string]string{ownerAnnotation: owner}}
}

// unmarkedState is that of a stack from before the cluster was recorded.
func unmarkedState(namespaceUID string) past {
	return past{namespace: "scalestack", namespaceUID: namespaceUID}
}

func TestJudge(t *testing.T) {
	const wrongCluster = "Forbidden: the cluster of the kubeconfig's current context is uid-of-another-cluster, and this stack lives in uid-of-the-cluster."
	for name, one := range map[string]struct {
		found  findings
		config map[string]string
		want   string // "" lets the run go on
	}{
		"first deployment":     {found: findings{cluster: home}},
		"own namespace":        {found: findings{cluster: home, namespace: marked(mine), past: past{cluster: home, namespace: "scalestack"}}},
		"after a destroy":      {found: findings{cluster: home, namespace: marked(mine)}},
		"namespace is gone":    {found: findings{cluster: home, past: past{cluster: home, namespace: "scalestack"}}},
		"mark was taken away":  {found: findings{cluster: home, namespace: &cluster.Object{}, past: past{cluster: home, namespace: "scalestack"}}},
		"the cluster as asked": {found: findings{cluster: home}, config: map[string]string{"scalestack:kubernetes": `{"cluster":"` + home + `"}`}},

		"another cluster":          {found: findings{cluster: away, past: past{cluster: home, namespace: "scalestack"}}, want: wrongCluster},
		"another, with its twin":   {found: findings{cluster: away, namespace: marked("acme/shop/prod@" + away), past: past{cluster: home, namespace: "scalestack"}}, want: wrongCluster},
		"not the cluster as asked": {found: findings{cluster: home}, config: map[string]string{"scalestack:kubernetes": `{"cluster":"` + away + `"}`}, want: `kubernetes.cluster: Invalid value: "uid-of-another-cluster"`},

		"another stack's":        {found: findings{cluster: home, namespace: marked(other)}, want: `namespace: Invalid value: "scalestack": is the namespace of ` + other},
		"another, with a state":  {found: findings{cluster: home, namespace: marked(other), past: past{cluster: home, namespace: "scalestack"}}, want: "is the namespace of " + other},
		"restored from a backup": {found: findings{cluster: home, namespace: marked("acme/shop/prod@" + away)}, want: "is the namespace of acme/shop/prod@" + away},
		"nobody's":               {found: findings{cluster: home, namespace: &cluster.Object{}}, want: "exists and belongs to no stack. Fix: choose another, or, if it is this stack's: kubectl annotate --overwrite namespace scalestack 'scalestack/owner=" + mine + "'"},
		"renamed":                {found: findings{cluster: home, past: past{cluster: home, namespace: "shop"}}, want: `namespace: Invalid value: "scalestack": must stay shop`},

		"unmarked, its own":          {found: findings{cluster: home, namespace: &cluster.Object{UID: "a"}, former: &cluster.Object{UID: "a"}, past: unmarkedState("a")}},
		"unmarked, its twin":         {found: findings{cluster: home, namespace: &cluster.Object{UID: "b"}, former: &cluster.Object{UID: "b"}, past: unmarkedState("a")}, want: "does not have the namespace scalestack that this stack made"},
		"unmarked, no namespace":     {found: findings{cluster: home, past: unmarkedState("a")}, want: "does not have the namespace scalestack"},
		"unmarked, without a uid":    {found: findings{cluster: home, namespace: &cluster.Object{}, former: &cluster.Object{}, past: unmarkedState("")}, want: "does not have the namespace scalestack"},
		"unmarked, taken by another": {found: findings{cluster: home, namespace: &cluster.Object{UID: "a", Annotations: map[string]string{ownerAnnotation: other}}, former: &cluster.Object{UID: "a"}, past: unmarkedState("a")}, want: "is the namespace of " + other},

		"other buckets":        {found: findings{cluster: home, past: past{cluster: home, namespace: "scalestack", layout: &layout{"scalestack", 480, 4}}}, want: "postgres.buckets: Invalid value: 960: must stay 480"},
		"other initial shards": {found: findings{cluster: home, past: past{cluster: home, namespace: "scalestack", layout: &layout{"scalestack", 960, 2}}}, want: "postgres.initialShards: Invalid value: 4: must stay 2"},
		"kept data": {found: findings{cluster: home, namespace: &cluster.Object{Annotations: map[string]string{ownerAnnotation: mine, bucketsAnnotation: "480"}}},
			want: "postgres.buckets: Invalid value: 960: must stay 480: the data in namespace scalestack is laid out for it"},
		"as many members as before": {found: findings{cluster: home, namespace: marked(mine), largest: shardMembers{2, 1}}},
		"fewer members than before": {found: findings{cluster: home, namespace: marked(mine), largest: shardMembers{2, 3}},
			want: "postgres.members: Invalid value: 1: must be at least 3: shard-2 has as many volume claims"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load(t, one.config)
			require.NoError(t, err)
			one.found.stack = "acme/shop/prod"
			errs := c.judge(one.found)
			if one.want == "" {
				require.Empty(t, errs)
				return
			}
			require.Len(t, errs, 1, "%v", errs)
			require.Contains(t, errs[0].Error(), one.want)
		})
	}
}

// A state without an identity has the provider's own rules: a change of the address
// alone would replace every object.
func TestAnUnmarkedStateKeepsItsAddress(t *testing.T) {
	kubeconfig := func(server string) string {
		file := filepath.Join(t.TempDir(), "kubeconfig")
		require.NoError(t, os.WriteFile(file, []byte("clusters: [{name: a, cluster: {server: \""+server+"\"}}]\n"+
			"contexts: [{name: a, context: {cluster: a}}, {name: b, context: {cluster: b}}]\ncurrent-context: a\n"), 0o600))
		return file
	}
	here, copied, moved := kubeconfig("https://a"), kubeconfig("https://a"), kubeconfig("https://b")
	namespace := &cluster.Object{UID: "a"}
	judge := func(before, now cluster.Target) string {
		t.Setenv("KUBECONFIG", now.Kubeconfig)
		c, err := load(t, map[string]string{"scalestack:kubernetes": `{"context":"` + now.Context + `"}`})
		require.NoError(t, err)
		state := unmarkedState("a")
		state.target = before
		return c.judge(findings{stack: "acme/shop/prod", cluster: home, namespace: namespace, former: namespace, past: state}).ToAggregate().Error()
	}
	require.Panics(t, func() { judge(cluster.Target{Kubeconfig: here}, cluster.Target{Kubeconfig: here}) }, "no error")
	require.Panics(t, func() { judge(cluster.Target{Kubeconfig: here}, cluster.Target{Kubeconfig: copied, Context: "a"}) }, "the same entry")
	for name, now := range map[string]cluster.Target{
		"address": {Kubeconfig: moved}, "context": {Kubeconfig: here, Context: "b"}, "no file": {Kubeconfig: filepath.Join(t.TempDir(), "none")},
	} {
		require.Contains(t, judge(cluster.Target{Kubeconfig: here}, now), "Fix: deploy once as before, then change it", name)
	}
	require.NotContains(t, judge(cluster.Target{Kubeconfig: "users: [{token: hunter2}]\n"}, cluster.Target{Kubeconfig: here}), "hunter2")
}

// Two stacks never have one name in their shard maps, and no stack ever gets another.
func TestNameOfShards(t *testing.T) {
	c, err := load(t, nil)
	require.NoError(t, err)
	fresh := c.nameOfShards(findings{stack: "acme/shop/prod", cluster: home})
	require.Regexp(t, `^scalestack-[0-9a-f]{8}$`, fresh)
	for _, one := range []findings{{stack: "acme/shop/staging", cluster: home}, {stack: "acme/shop/prod", cluster: away}} {
		require.NotEqual(t, fresh, c.nameOfShards(one))
	}
	require.Equal(t, "kept", c.nameOfShards(findings{namespace: &cluster.Object{Annotations: map[string]string{shardsAnnotation: "kept"}}}))
	require.Equal(t, "scalestack", c.nameOfShards(findings{namespace: &cluster.Object{}}), "data from before the name was marked")
	require.Equal(t, "before", c.nameOfShards(findings{namespace: marked(mine), past: past{layout: &layout{"before", 960, 4}}}))

	long := newName(strings.Repeat("n", 63), mine)
	require.Empty(t, validation.IsDNS1123Label(long))
	require.Len(t, long, 63)
}
