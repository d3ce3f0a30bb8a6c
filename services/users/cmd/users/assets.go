package main

import (
	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/services/users/internal/assets"
)

func assetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "assets",
		Short: "List the static files as a manifest, for cmd/purge",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return assets.Embedded().Manifest().Write(cmd.OutOrStdout())
		},
	}
}
