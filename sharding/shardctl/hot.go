package shardctl

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/spf13/cobra"
)

func hotCommand() *cobra.Command {
	var q trafficQuery
	var top int
	hot := &cobra.Command{
		Use:   "hot",
		Short: "Show the buckets with the most rows or operations, and the pins that would relieve their shards",
		Long: "Counts the rows of every bucket, in a sample where a table is large, and with --prometheus asks how often the buckets are read and " +
			"written. Shows those with the most, and for each that is hot the line of the stack's configuration that gives it to the shard with the least " +
			"to do, if that makes the busier of both less busy. It changes nothing, and the credentials of any service are enough.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if top < 1 || top > shardmap.MaxBuckets {
				return fmt.Errorf("--top: %d is not between 1 and %d", top, shardmap.MaxBuckets)
			}
			if q.over < time.Minute || q.over > 30*24*time.Hour {
				return fmt.Errorf("--over: %s is not between 1m and 720h", q.over)
			}
			s, err := settings.ReshardCommand.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return printHot(cmd.Context(), s, q, top, cmd.OutOrStdout())
		},
	}
	hot.Flags().StringVar(&q.address, "prometheus", "", "URL of the Prometheus that scrapes the services; without it rows alone are judged")
	hot.Flags().StringVar(&q.match, "match", "", `labels of the stack's series, as PromQL writes them, where Prometheus knows several stacks: namespace="scalestack"`)
	hot.Flags().DurationVar(&q.over, "over", time.Hour, "the time over which reads and writes are averaged, 1m to 720h")
	hot.Flags().IntVar(&top, "top", 10, "how many buckets are shown")
	return hot
}

func printHot(ctx context.Context, s *settings.Reshard, q trafficQuery, top int, out io.Writer) error {
	m, err := s.Shards.Map()
	if err != nil {
		return err
	}
	sizes, err := reshard.NewSizes(ctx, reshard.SizesOptions{Map: m, Connect: s.Shards.As("scalestack-hot").ConnConfig, Log: NewLog(s.LogLevel)})
	if err != nil {
		return err
	}
	seen := &traffic{}
	if q.address != "" {
		if seen, err = q.read(ctx); err != nil {
			return fmt.Errorf("prometheus: %w", err)
		}
	}
	h := newHeat(m, sizes, seen)
	if err := h.print(out, top); err != nil {
		return err
	}
	for _, line := range h.advice() {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

const (
	// hotTimes is how many times an even share of the work makes a bucket hot.
	hotTimes = 5
	// hotRows and hotRate are the least rows, or operations per second, of a hot
	// bucket: a product with few users has buckets without any.
	hotRows = 1000
	hotRate = 10
)

// heat is the work of each bucket and each shard: in operations per second if known,
// otherwise in rows.
type heat struct {
	m       *shardmap.Map
	sizes   *reshard.Sizes
	traffic *traffic
	// buckets lists all of them, the hottest first.
	buckets []int
	shards  map[int]float64
	whole   float64
}

func newHeat(m *shardmap.Map, sizes *reshard.Sizes, t *traffic) *heat {
	h := &heat{m: m, sizes: sizes, traffic: t, shards: map[int]float64{}}
	for bucket := range m.Buckets {
		h.buckets = append(h.buckets, bucket)
		h.shards[sizes.Owner[bucket]] += float64(sizes.Rows[bucket])
		h.whole += float64(sizes.Rows[bucket])
	}
	if t.known() {
		h.shards, h.whole = map[int]float64{}, t.whole
		for _, shard := range m.Shards {
			h.shards[shard.ID] = t.shards[shard.Name]
		}
	}
	slices.SortStableFunc(h.buckets, func(a, b int) int { return cmp.Compare(h.of(b), h.of(a)) })
	return h
}

func (h *heat) of(bucket int) float64 {
	if h.traffic.known() {
		return h.traffic.reads[bucket] + h.traffic.writes[bucket]
	}
	return float64(h.sizes.Rows[bucket])
}

func (h *heat) hot(bucket int) bool {
	least := float64(hotRows)
	if h.traffic.known() {
		least = hotRate
	}
	return h.of(bucket) >= least && h.share(bucket)*float64(h.m.Buckets) >= hotTimes
}

func (h *heat) share(bucket int) float64 {
	if h.whole == 0 {
		return 0
	}
	return h.of(bucket) / h.whole
}

func (h *heat) print(out io.Writer, top int) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BUCKET\tSHARD\tROWS\tREADS/s\tWRITES/s\tSHARE\tTIMES EVEN")
	for _, bucket := range h.buckets[:min(top, len(h.buckets))] {
		reads, writes := "-", "-"
		if h.traffic.known() {
			reads, writes = fmt.Sprintf("%.1f", h.traffic.reads[bucket]), fmt.Sprintf("%.1f", h.traffic.writes[bucket])
		}
		share := h.share(bucket)
		fmt.Fprintf(table, "%d\t%d\t%d\t%s\t%s\t%.2f %%\t%.1f\n", bucket, h.sizes.Owner[bucket], h.sizes.Rows[bucket], reads, writes,
			100*share, share*float64(h.m.Buckets))
	}
	for _, name := range h.sizes.Unread {
		fmt.Fprintf(table, "%s does not answer: the rows of its buckets are missing\n", name)
	}
	return table.Flush()
}

// advice says for each hot bucket what would relieve its shard. Each suggested pin is
// taken into account for the next one.
func (h *heat) advice() (lines []string) {
	shards := map[int]float64{}
	for id, counts := range h.m.Counts() {
		// A shard without buckets is drained, or about to receive its first ones.
		if counts > 0 {
			shards[id] = h.shards[id]
		}
	}
	for _, bucket := range h.buckets {
		if !h.hot(bucket) {
			break
		}
		from, heat := h.sizes.Owner[bucket], h.of(bucket)
		to := coolest(shards)
		if to == from || shards[to]+heat >= shards[from] {
			lines = append(lines, fmt.Sprintf("bucket %d is hot, and no other shard has room for it: add a shard, or give shard %d a smaller weight, so that other buckets leave it", bucket, from))
			continue
		}
		shards[from], shards[to] = shards[from]-heat, shards[to]+heat
		lines = append(lines, fmt.Sprintf("bucket %d is hot; in scalestack:postgres this gives it to shard %d: pins: {%q: %d}", bucket, to, fmt.Sprint(bucket), to))
	}
	return lines
}

// coolest returns the shard with the least to do, the lowest id of several.
func coolest(shards map[int]float64) int {
	ids := make([]int, 0, len(shards))
	for id := range shards {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.MinFunc(ids, func(a, b int) int { return cmp.Compare(shards[a], shards[b]) })
}
