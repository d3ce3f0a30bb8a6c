package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/spf13/cobra"
)

func envCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "env", Short: "List the environment variables that each command reads", Args: cobra.NoArgs,
		Long: "Lists the variables that each command reads, with what is allowed, the default and the meaning. " +
			"As JSON it is an object of the commands, each with a list of objects with name, default, allowed and doc. " +
			"The command replay reads what its group's command does.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := settings.All()
			if asJSON {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetEscapeHTML(false)
				out.SetIndent("", "  ")
				return out.Encode(all)
			}
			for _, command := range slices.Sorted(maps.Keys(all)) {
				names := make([]string, len(all[command]))
				for i, f := range all[command] {
					names[i] = f.Name
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", command, strings.Join(names, " "))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
