package tests

import (
	"path/filepath"
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// small registers a component with one object and returns the graph.
type small struct {
	parentType, parent, name, object string
	parentAliases, aliases           []pulumi.Alias
	orphan                           bool
}

func (s small) graph(t *testing.T) *graph {
	t.Helper()
	g := &graph{}
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		parent := &struct{ pulumi.ResourceState }{}
		if err := ctx.RegisterComponentResource(s.parentType, s.parent, parent, pulumi.Aliases(s.parentAliases)); err != nil {
			return err
		}
		options := []pulumi.ResourceOption{pulumi.Aliases(s.aliases)}
		if !s.orphan {
			options = append(options, pulumi.Parent(parent))
		}
		_, err := corev1.NewConfigMap(ctx, s.name, &corev1.ConfigMapArgs{
			Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(s.object)},
		}, options...)
		return err
	}, pulumi.WithMocks(project, "dev", g)))
	return g
}

const urnOfSettings = "urn:pulumi:dev::scalestack::scalestack:x:X$kubernetes:core/v1:ConfigMap::x-settings"

func TestRenamesNeedAnAlias(t *testing.T) {
	x := small{parentType: "scalestack:x:X", parent: "x", name: "x-settings", object: "settings"}
	for name, c := range map[string]struct {
		change func(*small)
		want   string
	}{
		"same":    {func(*small) {}, ""},
		"renamed": {func(s *small) { s.name = "x-config" }, urnOfSettings + "\nis now\nurn:pulumi:dev::scalestack::scalestack:x:X$kubernetes:core/v1:ConfigMap::x-config\nwithout an alias"},
		"renamed with an alias": {func(s *small) {
			s.name, s.aliases = "x-config", []pulumi.Alias{{Name: pulumi.String("x-settings")}}
		}, ""},
		"renamed with its whole former URN": {func(s *small) {
			s.name, s.aliases = "x-config", []pulumi.Alias{{URN: pulumi.URN(urnOfSettings)}}
		}, ""},
		"renamed with another alias": {func(s *small) {
			s.name, s.aliases = "x-config", []pulumi.Alias{{Name: pulumi.String("x-setting")}}
		}, urnOfSettings + "\nis now"},
		"no parent": {func(s *small) { s.orphan = true }, urnOfSettings + "\nis now\nurn:pulumi:dev::scalestack::kubernetes:core/v1:ConfigMap::x-settings\nwithout an alias"},
		"no parent with an alias": {func(s *small) {
			s.orphan, s.aliases = true, []pulumi.Alias{{ParentURN: pulumi.URN("urn:pulumi:dev::scalestack::scalestack:x:X::x")}}
		}, ""},
		"parent of another type": {func(s *small) { s.parentType = "scalestack:y:Y" }, urnOfSettings + "\nis now"},
		"parent of another type with an alias": {func(s *small) {
			s.parentType, s.parentAliases = "scalestack:y:Y", []pulumi.Alias{{Type: pulumi.String("scalestack:x:X")}}
		}, ""},
		"parent and child renamed, alias on the parent": {func(s *small) {
			s.parent, s.name, s.parentAliases = "z", "z-settings", []pulumi.Alias{{Name: pulumi.String("x")}}
		}, ""},
		"another object": {func(s *small) { s.name, s.object = "x-config", "config" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "golden.yaml")
			require.NoError(t, compare(file, x.graph(t).snapshots(), true))
			changed := x
			c.change(&changed)
			err := compare(file, changed.graph(t).snapshots(), true)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			require.NoError(t, compare(file, changed.graph(t).snapshots(), false), "the file is written anew")
		})
	}
}

func TestADifferenceIsShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "golden.yaml")
	x := small{parentType: "scalestack:x:X", parent: "x", name: "x-settings", object: "settings"}
	require.NoError(t, compare(file, x.graph(t).snapshots(), true))
	x.object = "other"
	err := compare(file, x.graph(t).snapshots(), false)
	require.ErrorContains(t, err, "-      name: settings\n+      name: other\n")
	require.ErrorContains(t, err, "go test ./tests -run TestGolden -update")
	require.ErrorContains(t, err, "needs an alias")
}
