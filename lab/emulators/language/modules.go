package language

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// goMod is what `go mod edit -json` tells.
type goMod struct {
	Require []struct {
		Path, Version string
		Indirect      bool
	}
	Replace []struct{ Old struct{ Path string } }
}

// module is what `go list -m -json` tells.
type module struct{ Path, Version, Dir string }

// GetRequiredPackages names the provider plugins that the program's modules say
// they need, each in its pulumi-plugin.json.
func (h *host) GetRequiredPackages(
	ctx context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	dir := req.GetInfo().GetProgramDirectory()
	if !inModule(dir) {
		return &pulumirpc.GetRequiredPackagesResponse{}, nil
	}
	mod, err := readGoMod(ctx, dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, r := range mod.Require {
		if strings.Contains(r.Path, "pulumi") {
			paths = append(paths, r.Path)
		}
	}
	modules, err := locate(ctx, dir, paths)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, m := range modules {
		pkg, err := m.plugin()
		if err != nil {
			return nil, err
		}
		if pkg != nil {
			response.Packages = append(response.Packages, pkg)
		}
	}
	return response, nil
}

// GetProgramDependencies lists the modules of go.mod. A replaced module has no
// version.
func (h *host) GetProgramDependencies(
	ctx context.Context, req *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	mod, err := readGoMod(ctx, req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, err
	}
	replaced := map[string]bool{}
	for _, r := range mod.Replace {
		replaced[r.Old.Path] = true
	}
	response := &pulumirpc.GetProgramDependenciesResponse{}
	for _, r := range mod.Require {
		if r.Indirect && !req.GetTransitiveDependencies() {
			continue
		}
		dependency := &pulumirpc.DependencyInfo{Name: r.Path, Version: r.Version}
		if replaced[r.Path] {
			dependency.Version = ""
		}
		response.Dependencies = append(response.Dependencies, dependency)
	}
	return response, nil
}

// inModule reports whether there are sources to ask; a prebuilt program has none.
func inModule(dir string) bool {
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

func readGoMod(ctx context.Context, dir string) (*goMod, error) {
	text, err := goOutput(ctx, dir, "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	mod := &goMod{}
	return mod, json.Unmarshal(text, mod)
}

// locate finds the sources of modules, and downloads those that are missing.
func locate(ctx context.Context, dir string, paths []string) ([]module, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	listed, err := goModules(ctx, dir, append([]string{"list", "-m", "-json"}, paths...))
	if err != nil {
		return nil, err
	}
	var found []module
	missing := []string{"mod", "download", "-json"}
	for _, m := range listed {
		if m.Dir == "" {
			missing = append(missing, m.Path)
		} else {
			found = append(found, m)
		}
	}
	if len(missing) == 3 {
		return found, nil
	}
	downloaded, err := goModules(ctx, dir, missing)
	return append(found, downloaded...), err
}

func goModules(ctx context.Context, dir string, args []string) ([]module, error) {
	text, err := goOutput(ctx, dir, args...)
	if err != nil {
		return nil, err
	}
	var modules []module
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var m module
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return modules, nil
		} else if err != nil {
			return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
		}
		modules = append(modules, m)
	}
}

// plugin reads which provider plugin goes with a module, if any.
func (m module) plugin() (*pulumirpc.PackageDependency, error) {
	for _, pattern := range []string{"", "go", "go/*", "*"} {
		files, err := filepath.Glob(filepath.Join(m.Dir, pattern, "pulumi-plugin.json"))
		if err != nil || len(files) == 0 {
			continue
		}
		info, err := plugin.LoadPulumiPluginJSON(files[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", files[0], err)
		}
		if !info.Resource {
			return nil, nil
		}
		return m.dependency(info), nil
	}
	return nil, nil
}

func (m module) dependency(info *plugin.PulumiPluginJSON) *pulumirpc.PackageDependency {
	pkg := &pulumirpc.PackageDependency{
		Kind: "resource", Name: info.Name, Version: info.Version, Server: info.Server,
		Parameterization: parameterization(info.Parameterization),
		Extension:        parameterization(info.ExtensionParameterization),
	}
	if pkg.Name == "" {
		pkg.Name = nameOf(m.Path)
	}
	if pkg.Version == "" {
		pkg.Version = m.Version
	}
	return pkg
}

func parameterization(p *plugin.PulumiParameterizationJSON) *pulumirpc.PackageParameterization {
	if p == nil {
		return nil
	}
	return &pulumirpc.PackageParameterization{Name: p.Name, Version: p.Version, Value: p.Value}
}

var sdkPath = regexp.MustCompile(`/pulumi-([^/]+)(/|$)`)

// nameOf takes the name of a provider from the path of its SDK.
func nameOf(path string) string {
	if match := sdkPath.FindStringSubmatch(path); match != nil {
		return match[1]
	}
	return filepath.Base(path)
}

func goOutput(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	// In a workspace, `go list -m` would tell of every module in it.
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return text, nil
}
