package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy/deploytest"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/stretchr/testify/require"
)

// interpreter is a Python that has the package pulumi of the engine's version.
func interpreter(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SCALESTACK_TEST_PULUMI_PYTHON")
	if path == "" {
		t.Skip("SCALESTACK_TEST_PULUMI_PYTHON names no Python: make engine-python makes one")
	}
	return path
}

// installed is the folder of the SDK that "pulumi package add" would make and install.
func installed(t *testing.T, binary string) string {
	t.Helper()
	made := bound(t)
	files, err := python.GeneratePackage("scalestack", made, nil, onePackage{made})
	require.NoError(t, err)
	folder, target := t.TempDir(), t.TempDir()
	for name, content := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o644))
	}
	out, err := exec.Command(binary, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, folder).CombinedOutput()
	require.NoError(t, err, string(out))
	return target
}

func TestAProgramInPython(t *testing.T) {
	host := filepath.Join(sdkFolder(t), "python", "cmd", "pulumi-language-python-exec")
	binary := interpreter(t)
	sdk := installed(t, binary)
	zone := strings.Repeat("0a", 16)
	r := &rig{t: t}
	r.start(func(info plugin.RunInfo, _ *deploytest.ResourceMonitor) error {
		config, err := json.Marshal(map[string]string{info.Project + ":zoneId": zone})
		if err != nil {
			return err
		}
		program := exec.Command(binary, host, "--project", info.Project, "--stack", info.Stack, "--parallel", "1",
			"--dry_run", strconv.FormatBool(info.DryRun), "--monitor", info.MonitorAddress, "--engine", r.address,
			"--organization", "organization", "--root_directory", ".", "--pwd", "../../examples/python-components", "__main__.py")
		program.Env = append(os.Environ(), "PULUMI_CONFIG="+string(config), "PYTHONPATH="+sdk, "PYTHONDONTWRITEBYTECODE=1")
		if out, err := program.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s%s", err, out, r.logged.String())
		}
		return nil
	}, process(t))
	requireTheShop(t, r, zone)
}

// sdkFolder is that of Pulumi's SDK, which has the program that its Python host runs.
func sdkFolder(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
