package builds

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

const providerModule = "github.com/pulumi/pulumi-kubernetes/provider/v4"

// The provider's schema generator takes the address of a value since Pulumi
// 3.250, and the published provider is older: one character apart. The lab
// builds it against the newer Pulumi, because policy packs need that one.
var (
	schemaFile = filepath.Join("pkg", "gen", "schema.go")
	oldValue   = []byte("Provider: pschema.ResourceSpec{")
	newPointer = []byte("Provider: &pschema.ResourceSpec{")
)

// patchedModfile copies the provider from the module cache, where go.sum has
// vouched for it, patches the copy, and returns a go.mod that uses it.
func patchedModfile(ctx context.Context, p paths.Paths) (string, error) {
	source, err := moduleDir(ctx, filepath.Join(p.Repo, "lab"), providerModule)
	if err != nil {
		return "", err
	}
	target := p.Cache("provider")
	if err := copyModule(source, target, "pkg"); err != nil {
		return "", err
	}
	if err := replaceOnce(filepath.Join(target, schemaFile), oldValue, newPointer); err != nil {
		return "", err
	}
	return writeModfile(ctx, filepath.Join(p.Repo, "lab"), p.Cache("kube.mod"), providerModule, target)
}

// moduleDir is the folder in the module cache of what the go.mod in dir names.
func moduleDir(ctx context.Context, dir, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir = dir
	output, err := cmd.Output()
	var found struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(output, &found); jsonErr != nil || found.Dir == "" {
		return "", fmt.Errorf("download %s: %w %s", module, err, found.Error)
	}
	return found.Dir, nil
}

func replaceOnce(file string, old, text []byte) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if bytes.Count(content, old) != 1 {
		return fmt.Errorf("%s: expected %q once: it changed, look whether the patch is still needed", file, old)
	}
	return os.WriteFile(file, bytes.Replace(content, old, text, 1), 0o644)
}

// writeModfile copies the go.mod and go.sum in dir, and replaces a module by a folder.
func writeModfile(ctx context.Context, dir, modfile, module, folder string) (string, error) {
	for from, to := range map[string]string{"go.mod": modfile, "go.sum": strings.TrimSuffix(modfile, ".mod") + ".sum"} {
		if err := copyFile(filepath.Join(dir, from), to); err != nil {
			return "", err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-replace", module+"="+folder, modfile)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("write %s: %w: %s", modfile, err, output)
	}
	return modfile, nil
}
