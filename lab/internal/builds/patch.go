package builds

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

const providerModule = "github.com/pulumi/pulumi-kubernetes/provider/v4"

var providerPatches = []patch{
	// The provider's schema generator takes the address of a value since Pulumi 3.250, and
	// the published provider is older: one character apart. The lab builds it against the
	// newer Pulumi, because policy packs need that one.
	{"pkg/gen/schema.go", "Provider: pschema.ResourceSpec{", "Provider: &pschema.ResourceSpec{"},
	// Objects of charts and manifests are registered by v2/resource.go, without the types
	// of all kinds that Kubernetes ever had: a third of the compilation.
	{manifests + "/yaml.go", "yamlv2.RegisterResource(", "registerObject("},
	{manifests + "/yaml.go", `yamlv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/yaml/v2"`, ""},
}

const manifests = "pkg/provider/yaml/v2"

//go:embed v2/resource.go
var registration []byte

// patch replaces a text that a file of a module has once.
type patch struct{ file, old, text string }

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
	if err := apply(target, providerPatches); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(target, manifests, "resource.go"), registration, 0o644); err != nil {
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

func apply(folder string, patches []patch) error {
	for _, p := range patches {
		if err := replaceOnce(filepath.Join(folder, p.file), []byte(p.old), []byte(p.text)); err != nil {
			return err
		}
	}
	return nil
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
