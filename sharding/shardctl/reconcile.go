package shardctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/spf13/cobra"
)

func reconcileCommand() *cobra.Command {
	var apply bool
	var give []string
	command := &cobra.Command{
		Use:   "reconcile [--apply] [--give BUCKETS=SHARD]…",
		Short: "Bring shards that were restored to different moments to one truth",
		Long: "After a restore, buckets that moved since are owned by two shards or by none. This asks every shard and lists what is to be done; with --apply it does it. " +
			"The owner of a bucket is the shard with the latest complete copy. Rows of buckets that a shard does not own are moved to its table scalestack.set_aside; none is deleted. " +
			"It needs every shard, refuses to run beside a mover, and can be killed and started again at any time. The credentials must be those of role scalestack_mover.\n\n" +
			"Buckets that nobody owns, or whose owner has older rows than another shard has lost, are listed, and the command ends with exit code 3. " +
			"Restore that shard to a later moment, or say with --give where they go.\n\nSettings (environment):\n" + settings.ReshardCommand.Help(),
		Example: "  shardctl reconcile\n  shardctl reconcile --apply --give 4,17=2",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			given, err := parseGive(give)
			if err != nil {
				return err
			}
			_, o, err := moverOptions()
			if err != nil {
				return err
			}
			return runReconcile(cmd.Context(), o, reshard.ReconcileOptions{Apply: apply, Give: given}, cmd.OutOrStdout())
		},
	}
	command.Flags().BoolVar(&apply, "apply", false, "make the changes")
	// Commas are part of the value.
	command.Flags().StringArrayVar(&give, "give", nil, "give undecided buckets to a shard, with the rows that it has of them, none perhaps: what a newer copy had is lost")
	return command
}

func runReconcile(ctx context.Context, o reshard.Options, how reshard.ReconcileOptions, out io.Writer) error {
	if how.Apply {
		// A shard may have been restored to a time before the tables that this needs.
		if err := migrate.Upgrade(ctx, o.Map, o.Connect, o.Log); err != nil {
			return err
		}
	}
	found, err := reshard.New(o).Reconcile(ctx, how)
	if found == nil {
		return err
	}
	return errors.Join(printReconciliation(out, found, how.Apply), err)
}

func printReconciliation(out io.Writer, found *reshard.Reconciliation, applied bool) error {
	title := "to be done, with --apply:"
	switch {
	case len(found.Lines) == 0:
		title = "every bucket has one owner, and nothing is left of a restore"
	case applied:
		title = "done:"
	}
	_, err := fmt.Fprintln(out, strings.Join(append([]string{title}, found.Lines...), "\n"))
	return err
}

// parseGive reads BUCKET,BUCKET=SHARD.
func parseGive(values []string) (map[int32]int, error) {
	given := map[int32]int{}
	var errs []error
	for _, value := range values {
		buckets, shard, found := strings.Cut(value, "=")
		to, err := strconv.Atoi(shard)
		if !found || err != nil || to < 0 {
			errs = append(errs, fmt.Errorf("--give %s: must be like 4,17=2, buckets and the id of a shard", value))
			continue
		}
		for text := range strings.SplitSeq(buckets, ",") {
			bucket, err := strconv.ParseInt(text, 10, 32)
			if err != nil {
				errs = append(errs, fmt.Errorf("--give %s: %q is not the number of a bucket", value, text))
				continue
			}
			if other, twice := given[int32(bucket)]; twice && other != to {
				errs = append(errs, fmt.Errorf("--give %s: bucket %d is given to shard %d as well", value, bucket, other))
			}
			given[int32(bucket)] = to
		}
	}
	return given, errors.Join(errs...)
}
