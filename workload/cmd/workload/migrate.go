package main

import (
	"context"
	"fmt"
	"os"

	"github.com/scalestack/scalestack/shardmap"
	"github.com/scalestack/scalestack/workload/internal/migrate"
	"github.com/scalestack/scalestack/workload/internal/settings"
	"github.com/spf13/cobra"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring every shard of the map to the newest schema",
		Long: "Waits for every shard, compares each with the map, and only then changes anything. " +
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

func runMigrate(ctx context.Context, s *settings.Migrate) error {
	m, err := readMap(s.Shards.MapFile)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return migrate.Run(ctx, m, s.Shards.As("scalestack-migrate").ConnConfig, newLog(s.LogLevel))
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
