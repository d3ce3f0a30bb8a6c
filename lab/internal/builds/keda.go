package builds

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

const kedaModule = "github.com/kedacore/keda/v2"

// KEDA has some 70 scalers, each with the SDK of what it asks. The lab builds it
// with those that the product uses: 406 packages instead of 986 that nothing else
// in the lab has.
var (
	kedaScalers = []string{"cpu", "kafka", "prometheus"}
	// kedaFiles are the only ones of their folder with the code of a scaler.
	kedaFiles = []string{"cpu_memory_scaler.go", "kafka_scaler.go", "prometheus_scaler.go"}
	// kedaLeftOut are what only the other scalers use.
	kedaLeftOut = []string{
		"pkg/mock", "pkg/scalers/externalscaler", "pkg/scalers/liiklus", "pkg/scalers/openstack", "pkg/scalers/splunk", "pkg/scalers/sumologic",
		"pkg/scalers/external_mock_scaler.go", "pkg/scalers/azure/azure_app_insights.go", "pkg/scalers/azure/azure_data_explorer.go",
		"pkg/scalers/azure/azure_eventhub.go", "pkg/scalers/azure/azure_eventhub_checkpoint.go", "pkg/scalers/azure/azure_storage.go",
		"pkg/scalers/gcp/gcp_stackdriver_client.go",
	}
	kedaFolders = []string{"apis", "cmd", "config", "controllers", "pkg", "version"}
)

var kedaPatches = []patch{
	// The adapter serves its own metrics on every address of the machine.
	{"cmd/adapter/main.go", `fmt.Sprintf(":%v", metricsAPIServerPort)`, `fmt.Sprintf("127.0.0.1:%v", metricsAPIServerPort)`},
	// The constant belongs to a scaler that is left out.
	{"pkg/scalers/prometheus_scaler.go", "Type: externalMetricType,", `Type: "External",`},
}

// KEDASource is where the source that is built lies, with KEDA's definitions and roles
// in its folder config.
func KEDASource(p paths.Paths) string { return p.Cache("keda") }

// trimmedModfile copies KEDA from the module cache, where go.sum has vouched for it,
// leaves out what the product does not use, and returns a go.mod that uses the copy.
func trimmedModfile(ctx context.Context, p paths.Paths) (string, error) {
	source, err := moduleDir(ctx, filepath.Join(p.Repo, "lab", "keda"), kedaModule)
	if err != nil {
		return "", err
	}
	target := KEDASource(p)
	if err := copyModule(source, target, kedaFolders...); err != nil {
		return "", err
	}
	if err := trim(target); err != nil {
		return "", fmt.Errorf("trim KEDA: %w", err)
	}
	return writeModfile(ctx, filepath.Join(p.Repo, "lab", "keda"), p.Cache("keda.mod"), map[string]string{kedaModule: target})
}

func trim(keda string) error {
	for _, name := range kedaLeftOut {
		if err := os.RemoveAll(filepath.Join(keda, name)); err != nil {
			return err
		}
	}
	scalers, err := filepath.Glob(filepath.Join(keda, "pkg", "scalers", "*_scaler.go"))
	if err != nil {
		return err
	}
	for _, file := range scalers {
		if slices.Contains(kedaFiles, filepath.Base(file)) {
			continue
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	if err := apply(keda, kedaPatches); err != nil {
		return err
	}
	return keepCases(filepath.Join(keda, "pkg", "scaling", "scalers_builder.go"), "buildScaler", kedaScalers)
}

// keepCases drops all cases of a function's switch but these and the default.
func keepCases(file, function string, names []string) error {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	kept := 0
	for _, declared := range parsed.Decls {
		f, ok := declared.(*ast.FuncDecl)
		if !ok || f.Name.Name != function {
			continue
		}
		ast.Inspect(f, func(node ast.Node) bool {
			if s, ok := node.(*ast.SwitchStmt); ok {
				s.Body.List = slices.DeleteFunc(s.Body.List, func(one ast.Stmt) bool {
					clause := one.(*ast.CaseClause)
					keep := clause.List == nil || slices.ContainsFunc(clause.List, func(value ast.Expr) bool { return isText(value, names) })
					if keep && clause.List != nil {
						kept++
					}
					return !keep
				})
			}
			return true
		})
	}
	if kept != len(names) {
		return fmt.Errorf("%s: expected the cases %s in %s, found %d", file, strings.Join(names, ", "), function, kept)
	}
	var text bytes.Buffer
	if err := printer.Fprint(&text, set, parsed); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

func isText(value ast.Expr, names []string) bool {
	literal, ok := value.(*ast.BasicLit)
	return ok && slices.ContainsFunc(names, func(name string) bool { return literal.Value == `"`+name+`"` })
}

// copyModule copies these folders of a module with its go.mod, without tests. Files of
// the module cache are read-only; those of the copy are not.
func copyModule(source, target string, folders ...string) error {
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := copyFile(filepath.Join(source, name), filepath.Join(target, name)); err != nil {
			return err
		}
	}
	for _, folder := range folders {
		if err := copyFolder(source, target, folder); err != nil {
			return err
		}
	}
	return nil
}

func copyFolder(source, target, folder string) error {
	return fs.WalkDir(os.DirFS(source), folder, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(target, name), 0o755)
		case strings.HasSuffix(name, "_test.go"):
			return nil
		}
		return copyFile(filepath.Join(source, name), filepath.Join(target, name))
	})
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
