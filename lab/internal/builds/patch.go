package builds

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

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
	source, err := moduleDir(ctx, p, providerModule)
	if err != nil {
		return "", err
	}
	target := p.Cache("provider")
	if err := copyProvider(source, target); err != nil {
		return "", err
	}
	if err := patch(filepath.Join(target, schemaFile)); err != nil {
		return "", err
	}
	return writeModfile(ctx, p, target)
}

func moduleDir(ctx context.Context, p paths.Paths, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir = filepath.Join(p.Repo, "lab")
	output, err := cmd.Output()
	var found struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(output, &found); jsonErr != nil || found.Dir == "" {
		return "", fmt.Errorf("download %s: %w %s", module, err, found.Error)
	}
	return found.Dir, nil
}

func copyProvider(source, target string) error {
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(target, name), content, 0o644); err != nil {
			return err
		}
	}
	return os.CopyFS(filepath.Join(target, "pkg"), os.DirFS(filepath.Join(source, "pkg")))
}

func patch(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if bytes.Count(content, oldValue) != 1 {
		return fmt.Errorf("%s: expected %q once: the provider changed, look whether the patch is still needed", file, oldValue)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		return err
	}
	return os.WriteFile(file, bytes.Replace(content, oldValue, newPointer, 1), 0o644)
}

func writeModfile(ctx context.Context, p paths.Paths, provider string) (string, error) {
	modfile := p.Cache("kube.mod")
	for from, to := range map[string]string{"go.mod": modfile, "go.sum": p.Cache("kube.sum")} {
		content, err := os.ReadFile(filepath.Join(p.Repo, "lab", from))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			return "", err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-replace", providerModule+"="+provider, modfile)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("write %s: %w: %s", modfile, err, output)
	}
	return modfile, nil
}
