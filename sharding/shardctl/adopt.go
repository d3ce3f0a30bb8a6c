package shardctl

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/scalestack/scalestack/sharding/adopt"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/spf13/cobra"
)

func adoptCommand() *cobra.Command {
	var key string
	var unguarded bool
	command := &cobra.Command{
		Use:   "adopt [--key COLUMN] TABLE[=COLUMN]…",
		Short: "Shard tables: put them behind the fence on every shard",
		Long: "Checks on every shard that the tables can be moved by their key column, and only then adds the triggers and gives " +
			"each shard its own values of the tables' sequences. Tables that refer to each other are adopted together. " +
			"TABLE=COLUMN names another key column for one table. Running it again changes only what is not in order. " +
			"The credentials must be those of the tables' owner.\n\nSettings (environment):\n" + settings.MigrateCommand.Help(),
		Example: "  shardctl adopt --key customer_id customers=id orders order_items",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := settings.MigrateCommand.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return runAdopt(cmd.Context(), s, candidates(args, key), unguarded)
		},
	}
	command.Flags().StringVar(&key, "key", "user_id", "the key column (bigint) by which the rows are sharded")
	command.Flags().BoolVar(&unguarded, "unguarded", false, "let an UPDATE or DELETE pass whose transaction holds no key: on the wrong shard it then changes nothing and reports no error")
	return command
}

// candidates reads TABLE or TABLE=COLUMN.
func candidates(args []string, key string) []catalog.Candidate {
	list := make([]catalog.Candidate, len(args))
	for i, arg := range args {
		table, own, found := strings.Cut(arg, "=")
		if !found {
			own = key
		}
		list[i] = catalog.Candidate{Table: table, Key: own}
	}
	return list
}

func runAdopt(ctx context.Context, s *settings.Migrate, tables []catalog.Candidate, unguarded bool) error {
	m, err := s.Shards.Map()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return adopt.Run(ctx, adopt.Options{Map: m, Connect: s.Shards.As("scalestack-adopt").ConnConfig, Tables: tables, Unguarded: unguarded, Log: NewLog(s.LogLevel)})
}
