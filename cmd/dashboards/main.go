// Command dashboards prints the Grafana dashboards of the stack.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/scalestack/scalestack/internal/dashboards"
)

const long = `Prints the Grafana dashboards of the stack as ConfigMaps, which Grafana's sidecar
loads by their label, or writes them as files:

    dashboards --label grafana_dashboard=1 | kubectl -n monitoring apply -f -
    dashboards --out /etc/grafana/dashboards`

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	labels, out := map[string]string{}, ""
	c := &cobra.Command{
		Use: "dashboards", Short: "Print the Grafana dashboards", Long: long,
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e := yaml.NewEncoder(cmd.OutOrStdout())
			for _, board := range dashboards.All() {
				text, err := board.JSON()
				if err != nil {
					return err
				}
				file := "scalestack-" + board.Name
				if out != "" {
					err = os.WriteFile(filepath.Join(out, file+".json"), text, 0o644)
				} else {
					err = e.Encode(configMap(file, text, labels))
				}
				if err != nil {
					return err
				}
			}
			if out != "" {
				return nil
			}
			return e.Close()
		},
	}
	c.Flags().StringToStringVar(&labels, "label", map[string]string{"grafana_dashboard": "1"}, "label of the ConfigMaps, as Grafana's sidecar asks for; may be repeated")
	c.Flags().StringVar(&out, "out", "", "folder to write files to instead")
	c.MarkFlagsMutuallyExclusive("label", "out")
	return c
}

func configMap(name string, text []byte, labels map[string]string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name, "labels": labels},
		"data":     map[string]string{name + ".json": string(text)},
	}
}
