package main

import (
	"context"
	"fmt"
	"os"

	"github.com/scalestack/scalestack/services/users/internal/schema"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/shardctl"
	"github.com/spf13/cobra"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the service's tables on every shard to the newest version",
		Long: "Needs shards that shardctl migrate of the same release, or a newer one, has brought up to date. " +
			"Running it again changes nothing.\n\nSettings (environment):\n" + settings.MigrateCommand.Help(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.MigrateCommand.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return runMigrate(cmd.Context(), s)
		},
	}
}

func runMigrate(ctx context.Context, s *settings.Migrate) error {
	m, err := s.Map()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return migrate.Service(ctx, m, s.Shards.As("users-migrate").ConnConfig, schema.Users(), shardctl.NewLog(s.LogLevel))
}
