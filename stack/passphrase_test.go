package stack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// saltOfDev is in the repository.
func saltOfDev(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "Pulumi.dev.yaml"))
	require.NoError(t, err)
	var file struct {
		Salt string `yaml:"encryptionsalt"`
	}
	require.NoError(t, yaml.Unmarshal(content, &file))
	return file.Salt
}

func TestThePublicPassphraseIsForDevAlone(t *testing.T) {
	const refused = "is encrypted with the public passphrase of stack dev, and nothing was changed"
	folder := func(text string) string {
		dir := t.TempDir()
		for _, stack := range []string{"dev", "prod"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi."+stack+".yaml"), []byte(text), 0o600))
		}
		return dir
	}
	public, own := folder("encryptionsalt: "+saltOfDev(t)+"\n"), folder("encryptionsalt: v1:X2O/nYH2Iwc=:v1:EqdfBkRZIzbGoooI:AAAA4ZY4Me/oehQ4moeVEeCRxwIbgAAA\n")
	check := func(stack, dir string) error {
		return checkPassphrase(pulumi.RunInfo{Stack: stack, RootDirectory: dir})
	}

	require.ErrorContains(t, check("prod", public), refused)
	for name, err := range map[string]error{
		"dev": check(labStack, public), "own passphrase": check("prod", own), "key service": check("prod", folder("secretsprovider: awskms://a\n")),
		"no file": check("prod", t.TempDir()),
	} {
		require.NoError(t, err, name)
	}
	require.ErrorContains(t, check("prod", folder("encryptionsalt: x\n")), `encryptionsalt: Invalid value: "x"`)
	require.Error(t, check("prod", folder(":\n:")))

	t.Setenv("PULUMI_CONFIG_PASSPHRASE", publicPassphrase)
	require.ErrorContains(t, check("prod", t.TempDir()), refused)
	require.NoError(t, check(labStack, public))
	file := filepath.Join(t.TempDir(), "passphrase")
	require.NoError(t, os.WriteFile(file, []byte(publicPassphrase+"\n"), 0o600))
	t.Setenv("PULUMI_CONFIG_PASSPHRASE", "")
	t.Setenv("PULUMI_CONFIG_PASSPHRASE_FILE", file)
	require.ErrorContains(t, check("prod", t.TempDir()), refused)
}
