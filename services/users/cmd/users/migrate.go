package main

import (
	"context"
	"fmt"
	"os"

	"github.com/scalestack/scalestack/services/users/internal/schema"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardctl"
	"github.com/spf13/cobra"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the engine's and the service's tables on every shard to the newest version",
		Long: "Does what shardctl migrate does, and then applies the service's own migrations. " +
			"Running it again changes nothing.\n\nSettings (environment):\n" + settings.MigrateHelp(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.LoadMigrate(os.LookupEnv)
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return runMigrate(cmd.Context(), s)
		},
	}
}

// runMigrate runs the engine's migrations as well: a rollout waits for one Job.
func runMigrate(ctx context.Context, s *settings.Migrate) error {
	m, err := s.Shards.Map()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	connect, log := s.Shards.As("scalestack-migrate").ConnConfig, shardctl.NewLog(s.LogLevel)
	if err := migrate.Run(ctx, m, connect, log); err != nil {
		return err
	}
	return migrate.Service(ctx, m, connect, schema.Users(), log)
}
