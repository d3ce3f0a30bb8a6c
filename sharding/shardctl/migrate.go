package shardctl

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/spf13/cobra"
)

func migrateCommand() *cobra.Command {
	var anew []int
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Make every database of the map a shard, with current engine tables and the services' roles",
		Long: "Waits for every shard, compares each with the map, and only then changes anything. " +
			"Running it again changes nothing. An initial shard that was there before and is an empty database now is refused: restore it, " +
			"or give its users up with --found-anew.\n\nSettings (environment):\n" + settings.MigrateCommand.Help(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.MigrateCommand.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return runMigrate(cmd.Context(), s, anew)
		},
	}
	command.Flags().IntSliceVar(&anew, "found-anew", nil, "make an empty shard of a lost one with this id: its users are given up")
	return command
}

func runMigrate(ctx context.Context, s *settings.Migrate, anew []int) error {
	m, err := s.Shards.Map()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	connect, log := s.Shards.As("scalestack-migrate").ConnConfig, NewLog(s.LogLevel)
	if s.CloneOf != "" {
		if err := migrate.TakeOver(ctx, m, s.CloneOf, connect, log); err != nil {
			return err
		}
	}
	if err := migrate.FoundAnew(ctx, m, anew, connect, log); err != nil || s.Roles == "" {
		return err
	}
	roles, err := readRoles(s.Roles)
	if err != nil {
		return err
	}
	if err := migrate.Roles(ctx, m, connect, roles, log); err != nil {
		return err
	}
	return giveAdministrators(ctx, s.Administrators, roles.Rotation, m, connect, log)
}

// giveAdministrators sets the administrators' passwords from a file, if there is one.
func giveAdministrators(ctx context.Context, file string, rotation int, m *shardmap.Map, connect migrate.Connector, log *slog.Logger) error {
	if file == "" {
		return nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("administrators: %w", err)
	}
	wanted, err := access.DecodeAdministrators(content)
	if err != nil {
		return err
	}
	return migrate.Administrators(ctx, m, connect, rotation, wanted, log)
}

func readRoles(file string) (*access.Spec, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("roles: %w", err)
	}
	return access.Decode(content)
}
