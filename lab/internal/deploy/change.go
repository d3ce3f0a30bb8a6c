package deploy

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// Change deploys the stack with other values in one section of its configuration, as
// if somebody had edited the file. The file stays as it is: the next make up goes back.
func Change(ctx context.Context, p paths.Paths, section string, values map[string]any, output io.Writer) error {
	if err := releaseStaleLocks(p, output); err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join(p.Repo, "Pulumi."+Stack+".yaml"))
	if err != nil {
		return err
	}
	changed, err := edited(content, section, values)
	if err != nil {
		return err
	}
	file := p.Data("Pulumi." + Stack + ".yaml")
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		return err
	}
	return Run(ctx, p, output, "up", "--yes", "--non-interactive", "--color", "never", "--policy-pack", Policies,
		"--stack", Stack, "--config-file", file)
}

func edited(content []byte, section string, values map[string]any) ([]byte, error) {
	var file map[string]any
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, err
	}
	config, _ := file["config"].(map[string]any)
	settings, found := config["scalestack:"+section].(map[string]any)
	if !found {
		return nil, fmt.Errorf("the file Pulumi.%s.yaml has no section scalestack:%s", Stack, section)
	}
	maps.Copy(settings, values)
	return yaml.Marshal(file)
}

// Setting reads a number from a section of the stack's configuration.
func Setting(p paths.Paths, section, name string) (int, error) {
	content, err := os.ReadFile(filepath.Join(p.Repo, "Pulumi."+Stack+".yaml"))
	if err != nil {
		return 0, err
	}
	var file struct {
		Config map[string]map[string]any `json:"config"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return 0, err
	}
	value, found := file.Config["scalestack:"+section][name].(float64)
	if !found {
		return 0, fmt.Errorf("the file Pulumi.%s.yaml has no number scalestack:%s.%s", Stack, section, name)
	}
	return int(value), nil
}
