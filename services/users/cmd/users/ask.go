package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/spf13/cobra"
)

func askCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "ask",
		Short: "Ask all shards about users",
		Long: "Asks all shards at once and prints JSON. When shards do not answer it prints what the others said and fails. " +
			"Each user is seen once, also while buckets move.\n\nSettings (environment):\n" + settings.AskCommand.Help(),
	}
	root.AddCommand(
		questionCommand("count", "Count the users", cobra.NoArgs,
			func(ctx context.Context, e users.Everywhere, _ []string) (any, error) { return e.Count(ctx) }),
		questionCommand("find EMAIL", "Find the users with an e-mail address; reads whole shards", cobra.ExactArgs(1),
			func(ctx context.Context, e users.Everywhere, args []string) (any, error) {
				return e.ByEmail(ctx, args[0])
			}),
		newestCommand())
	return root
}

func newestCommand() *cobra.Command {
	var n int
	newest := questionCommand("newest", "Show the users that were created last; reads whole shards", cobra.NoArgs,
		func(ctx context.Context, e users.Everywhere, _ []string) (any, error) { return e.Newest(ctx, n) })
	newest.Flags().IntVarP(&n, "number", "n", 10, "how many")
	return newest
}

type question func(ctx context.Context, e users.Everywhere, args []string) (any, error)

func questionCommand(use, short string, allowed cobra.PositionalArgs, ask question) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: allowed,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := settings.AskCommand.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return askAll(cmd.Context(), s, cmd.OutOrStdout(), args, ask)
		},
	}
}

func askAll(ctx context.Context, s *settings.Ask, out io.Writer, args []string, ask question) error {
	options := s.Shards.As("scalestack-ask")
	options.Pool, options.StatementTimeout = 1, s.Timeout
	shards, err := router.New(options)
	if err != nil {
		return err
	}
	defer shards.Close()
	answer, err := ask(ctx, users.Everywhere{Router: shards, PerShard: s.Timeout}, args)
	if printErr := json.NewEncoder(out).Encode(answer); printErr != nil {
		return printErr
	}
	return err
}
