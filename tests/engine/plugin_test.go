package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy/deploytest"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/testenv"
)

const pluginFolder = "../../components/plugin"

func TestMain(m *testing.M) { os.Exit(testenv.Temporary(m)) }

// built compiles the plugin once for all tests.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.TempDir(), "pulumi-resource-scalestack")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, ".")
	build.Dir = pluginFolder
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})

// process starts the plugin as the engine does.
func process(t *testing.T) *deploytest.ProviderLoader {
	t.Helper()
	path, err := built()
	require.NoError(t, err)
	return deploytest.NewProviderLoaderWithHost(packageName, semver.MustParse("0.0.0"), func(host plugin.Host) (plugin.Provider, error) {
		sink := diag.DefaultSink(os.Stderr, os.Stderr, diag.FormatOptions{Color: colors.Never})
		ctx, err := plugin.NewContext(context.Background(), sink, sink, host, nil, filepath.Dir(path), nil, false, nil)
		if err != nil {
			return nil, err
		}
		return plugin.NewProviderFromPath(host, ctx, path)
	})
}

const packageName = "scalestack"

// bound is the schema of the package, as every generator of SDKs reads it.
func bound(t *testing.T) *schema.Package {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(pluginFolder, "schema.json"))
	require.NoError(t, err)
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(text, &spec))
	made, problems, err := schema.BindSpec(spec, onePackage{}, schema.ValidationOptions{})
	require.NoError(t, err)
	require.Empty(t, problems)
	return made
}

func TestSchemaBinds(t *testing.T) {
	made := bound(t)
	require.NotEmpty(t, made.Resources)
	for _, one := range made.Resources {
		require.True(t, one.IsComponent, one.Token)
		require.NotEmpty(t, one.Comment, one.Token)
		require.NotEmpty(t, one.InputProperties, one.Token)
		require.NotEmpty(t, one.Properties, one.Token)
	}
}

// onePackage is a loader of schemas that has one.
type onePackage struct{ *schema.Package }

func (p onePackage) LoadPackage(string, *semver.Version) (*schema.Package, error) {
	return p.Package, nil
}

func (p onePackage) LoadPackageV2(context.Context, *schema.PackageDescriptor) (*schema.Package, error) {
	return p.Package, nil
}

func (p onePackage) LoadPackageReference(string, *semver.Version) (schema.PackageReference, error) {
	return p.Reference(), nil
}

func (p onePackage) LoadPackageReferenceV2(context.Context, *schema.PackageDescriptor) (schema.PackageReference, error) {
	return p.Reference(), nil
}
