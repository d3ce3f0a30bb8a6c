package shardctl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/spf13/cobra"
)

func planCommand() *cobra.Command {
	var to string
	var volume int64
	plan := &cobra.Command{
		Use:   "plan --to FILE",
		Short: "Show what would move to get to another map, and what that takes",
		Long: "Reads the wanted map, compares it with what the shards own now, and prints JSON: buckets, estimated rows and bytes " +
			"of each move, how long all would take, and which volumes would be too full. It changes nothing, and the credentials of the service are enough.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.ReshardCommand.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			wanted, err := readWantedMap(to, cmd.InOrStdin())
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("volume") {
				s.Volume = volume
			}
			return printPlan(cmd.Context(), s, wanted, cmd.OutOrStdout())
		},
	}
	plan.Flags().StringVar(&to, "to", "", "the wanted map's file, - for standard input")
	plan.Flags().Int64Var(&volume, "volume", 0, "bytes of each shard's volume, if it is to be another than SCALESTACK_RESHARD_VOLUME")
	if err := plan.MarkFlagRequired("to"); err != nil {
		panic(err)
	}
	return plan
}

func readWantedMap(file string, in io.Reader) (*shardmap.Map, error) {
	if file != "-" {
		return settings.ReadMap(file)
	}
	content, err := io.ReadAll(io.LimitReader(in, shardmap.MaxEncodedSize+1))
	if err != nil {
		return nil, fmt.Errorf("shard map: %w", err)
	}
	m, err := shardmap.Decode(content)
	if err != nil {
		return nil, fmt.Errorf("shard map from standard input: %w", err)
	}
	return m, nil
}

func printPlan(ctx context.Context, s *settings.Reshard, wanted *shardmap.Map, out io.Writer) error {
	current, err := s.Shards.Map()
	if err != nil {
		return err
	}
	estimate, err := reshard.NewEstimate(ctx, reshard.EstimateOptions{
		Current: current, Desired: wanted, Connect: s.Shards.As("scalestack-plan").ConnConfig,
		Batch: s.Batch, Parallel: s.Parallel, Observe: s.Observe, Volume: s.Volume, Log: NewLog(s.LogLevel),
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(estimate)
}
