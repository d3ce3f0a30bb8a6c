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

// patchedModule is one that the lab compiles with changes.
type patchedModule struct {
	path string
	// name is that of the copy's folder in the cache.
	name string
	// folders are what is needed of it.
	folders []string
	patches []patch
	// added are further files, by their path.
	added map[string][]byte
}

var patchedModules = []patchedModule{
	{
		path: "github.com/pulumi/pulumi-kubernetes/provider/v4", name: "provider", folders: []string{"pkg"},
		patches: providerPatches, added: map[string][]byte{manifests + "/resource.go": registration},
	},
	{
		path: "sigs.k8s.io/kube-network-policies", name: "network-policies", folders: []string{"pkg"},
		patches: policyPatches, added: map[string][]byte{"pkg/networkpolicy/nri.go": addresses},
	},
}

// The lab hands packets to the queue by iptables (host/policies.go): a kernel may have the
// queue and lack nftables' way to it (CONFIG_NFT_QUEUE), and then the program would say so
// in its log and let everything pass.
var policyPatches = []patch{
	{"pkg/networkpolicy/controller.go", `klog.FromContext(ctx).Info("Syncing nftables rules")`, "return nil"},
}

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

//go:embed networkpolicy/nri.go
var addresses []byte

// patch replaces a text that a file of a module has once.
type patch struct{ file, old, text string }

// patchedModfile copies the modules from the module cache, where go.sum has vouched for
// them, patches the copies, and returns a go.mod that uses these.
func patchedModfile(ctx context.Context, p paths.Paths) (string, error) {
	copies := map[string]string{}
	for _, module := range patchedModules {
		source, err := moduleDir(ctx, filepath.Join(p.Repo, "lab"), module.path)
		if err != nil {
			return "", err
		}
		copies[module.path] = p.Cache(module.name)
		if err := module.copy(source, copies[module.path]); err != nil {
			return "", err
		}
	}
	return writeModfile(ctx, filepath.Join(p.Repo, "lab"), p.Cache("kube.mod"), copies)
}

func (m patchedModule) copy(source, target string) error {
	if err := copyModule(source, target, m.folders...); err != nil {
		return err
	}
	if err := apply(target, m.patches); err != nil {
		return err
	}
	for name, content := range m.added {
		if err := os.WriteFile(filepath.Join(target, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
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

// writeModfile copies the go.mod and go.sum in dir, and replaces modules by folders.
func writeModfile(ctx context.Context, dir, modfile string, modules map[string]string) (string, error) {
	for from, to := range map[string]string{"go.mod": modfile, "go.sum": strings.TrimSuffix(modfile, ".mod") + ".sum"} {
		if err := copyFile(filepath.Join(dir, from), to); err != nil {
			return "", err
		}
	}
	args := []string{"mod", "edit"}
	for _, module := range sortedKeys(modules) {
		args = append(args, "-replace", module+"="+modules[module])
	}
	cmd := exec.CommandContext(ctx, "go", append(args, modfile)...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("write %s: %w: %s", modfile, err, output)
	}
	return modfile, nil
}
