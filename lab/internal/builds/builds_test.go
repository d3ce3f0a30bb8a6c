package builds

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// The versions are in two go.mod files and here; all must agree, or the
// engine looks for a plugin that is not there.
func TestVersionsAgreeWithTheModules(t *testing.T) {
	for file, wants := range map[string][]string{
		"../../go.mod": {
			"github.com/pulumi/pulumi/pkg/v3 " + PulumiVersion,
			"k8s.io/kubernetes " + KubernetesVersion,
		},
		"../../../go.mod": {
			"github.com/pulumi/pulumi/sdk/v3 " + PulumiVersion,
			"github.com/pulumi/pulumi-kubernetes/sdk/v4 " + pluginVersion(kubernetesPlugin),
			"github.com/pulumi/pulumi-random/sdk/v4 " + pluginVersion(randomPlugin),
			"github.com/pulumi/pulumi-cloudflare/sdk/v5 " + pluginVersion(cloudflarePlugin),
		},
	} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, want := range wants {
			require.Contains(t, string(content), want, file)
		}
	}
}

// pluginVersion reads v1.2.3 off resource-name-v1.2.3/pulumi-resource-name.
func pluginVersion(plugin string) string {
	folder := filepath.Dir(plugin)
	return folder[strings.LastIndex(folder, "-")+1:]
}

func TestLdflagsAreInOrder(t *testing.T) {
	p := Program{Variables: map[string]string{"b.x": "2", "a.x": "1"}}
	require.Equal(t, "-s -w -X a.x=1 -X b.x=2", p.ldflags())
}

func TestPatchReplacesWhatIsThereOnce(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "schema.go")
	change := []patch{{"schema.go", "y{", "&y{"}}
	require.NoError(t, os.WriteFile(file, []byte("x := y{}"), 0o600))
	require.NoError(t, apply(folder, change))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "x := &y{}", string(content))
	require.NoError(t, os.WriteFile(file, []byte("x := y{y{}}"), 0o600))
	require.ErrorContains(t, apply(folder, change), "look whether the patch is still needed")
}

func TestLinksCanBeMadeAgain(t *testing.T) {
	p := paths.Paths{Home: t.TempDir()}
	program := Program{Name: "kube", Links: []string{"etcd", plugins + kubernetesPlugin}}
	for range 2 {
		require.NoError(t, link(p, program))
	}
	target, err := os.Readlink(p.Bin(plugins + kubernetesPlugin))
	require.NoError(t, err)
	require.Equal(t, p.Bin("kube"), target)
}

func TestTrimKeepsTheCasesThatAreUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "builder.go")
	source := "package p\n\nfunc build(kind string) int {\n\tswitch kind {\n\tcase \"a\":\n\t\treturn 1\n\tcase \"b\", \"c\":\n\t\treturn 2\n\tdefault:\n\t\treturn 3\n\t}\n}\n"
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	require.NoError(t, keepCases(file, "build", []string{"a"}))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(source, "\tcase \"b\", \"c\":\n\t\treturn 2\n", "\n", 1), string(content))
	require.ErrorContains(t, keepCases(file, "build", []string{"a", "d"}), "expected the cases a, d in build, found 1")
}
