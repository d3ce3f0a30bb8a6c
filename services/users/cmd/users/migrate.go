package main

import (
	"context"
	"fmt"
	"os"

	"github.com/scalestack/scalestack/services/users/internal/schema"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/shardctl"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/spf13/cobra"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the engine's and the service's tables on every shard to the newest version",
		Long: "Does what shardctl migrate does, and then applies the service's own migrations. " +
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

// runMigrate runs the engine's migrations as well: a rollout waits for one Job.
func runMigrate(ctx context.Context, s *settings.Migrate) error {
	m, err := readMap(s.MapFile)
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

func readMap(file string) (*shardmap.Map, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("shard map: %w", err)
	}
	m, err := shardmap.Decode(content)
	if err != nil {
		return nil, fmt.Errorf("shard map %s: %w", file, err)
	}
	return m, nil
}
