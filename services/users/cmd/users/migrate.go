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
	m, err := readMap(s.MapFile)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return migrate.Service(ctx, m, s.Shards.As("users-migrate").ConnConfig, schema.Users(), shardctl.NewLog(s.LogLevel))
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
