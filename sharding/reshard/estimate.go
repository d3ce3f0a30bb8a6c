package reshard

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"golang.org/x/sync/errgroup"
)

const (
	// usualRate is the rate of whole moves under load in docs/resharding-measured.md. It is used
	// for clusters that have not moved anything yet.
	usualRate = 41_000
	// readWithin limits the look at one shard: a person is waiting for the plan.
	readWithin = 5 * time.Second
)

// Estimate is a plan with its cost.
type Estimate struct {
	Moves []EstimatedMove `json:"moves"`
	// Minimum is the least number of buckets that must move.
	Minimum int `json:"minimum"`
	// Batches is how often writes of some buckets pause briefly.
	Batches int `json:"batches"`
	// RowsPerSecond is the median of this cluster's last moves if Measured, otherwise
	// an assumption.
	RowsPerSecond float64 `json:"rowsPerSecond"`
	Measured      bool    `json:"measured"`
	// Seconds includes the time to observe each batch. It assumes that moves between
	// pairs that share no shard do not slow each other down.
	Seconds float64 `json:"seconds"`
	// Unread lists the shards that did not answer. For them the map in use is believed,
	// and their rows are not counted.
	Unread []string `json:"unread,omitempty"`
	// TooFull says which volumes cannot take everything that moves there. The mover
	// refuses the first move that would fill one.
	TooFull []string `json:"tooFull,omitempty"`
}

// EstimatedMove is everything that moves from one shard to another.
type EstimatedMove struct {
	From    int   `json:"from"`
	To      int   `json:"to"`
	Buckets int   `json:"buckets"`
	Rows    int64 `json:"rows"`
	// Bytes include indexes and rows that are not vacuumed yet.
	Bytes int64 `json:"bytes"`
}

// EstimateOptions say what to compare. All are required except Batch, Parallel, Observe
// and Volume.
type EstimateOptions struct {
	// Current is the map in use, Desired the one to reach.
	Current, Desired *shardmap.Map
	// Connect returns the settings of a connection for any role that may read the
	// schema scalestack.
	Connect func(shard *shardmap.Shard) (*pgx.ConnConfig, error)
	// Batch, Parallel, Observe and Volume are as in Options.
	Batch    int
	Parallel int
	Observe  time.Duration
	Volume   int64
	Log      *slog.Logger
}

// NewEstimate asks every shard what it owns, how large that is and how fast it moved
// data before. It changes nothing.
func NewEstimate(ctx context.Context, o EstimateOptions) (*Estimate, error) {
	orDefault(&o.Batch, defaultBatch)
	orDefault(&o.Parallel, 1)
	orDefault(&o.Observe, defaultObserve)
	readings, unread := o.readAll(ctx)
	from := *o.Current
	from.Assignment = owners(o.Current, readings)
	plan, err := shardmap.NewPlan(&from, o.Desired)
	if err != nil {
		return nil, &RefusedError{err}
	}
	e := &Estimate{Minimum: plan.Minimum, Moves: []EstimatedMove{}, Unread: unread}
	e.RowsPerSecond, e.Measured = medianRate(readings)
	var all []timedTask
	for _, move := range plan.Moves {
		estimated := readings[move.From].share(len(move.Buckets))
		estimated.From, estimated.To = move.From, move.To
		e.Moves = append(e.Moves, estimated)
		parts := batches(move.Buckets, o.Batch)
		e.Batches += len(parts)
		for _, part := range parts {
			rows := float64(estimated.Rows) * float64(len(part)) / float64(len(move.Buckets))
			all = append(all, timedTask{move.From, move.To, rows/e.RowsPerSecond + o.Observe.Seconds()})
		}
	}
	e.TooFull = o.tooFull(e.Moves, readings)
	e.Seconds = makespan(all, o.Parallel)
	return e, nil
}

func (o EstimateOptions) readAll(ctx context.Context) (readings map[int]*reading, unread []string) {
	list := make([]*reading, len(o.Current.Shards))
	var all errgroup.Group
	for i := range o.Current.Shards {
		all.Go(func() error {
			r, err := o.read(ctx, &o.Current.Shards[i])
			if err != nil {
				o.Log.Warn("shard is not read", "shard", o.Current.Shards[i].Name, "error", err.Error())
				return nil
			}
			list[i] = r
			return nil
		})
	}
	_ = all.Wait()
	readings = map[int]*reading{}
	for i, shard := range o.Current.Shards {
		if list[i] == nil {
			unread = append(unread, shard.Name)
			continue
		}
		readings[shard.ID] = list[i]
	}
	return readings, unread
}

// owners believes the latest epoch that the shards report, and the map where they
// report nothing.
func owners(m *shardmap.Map, readings map[int]*reading) []int {
	assignment := slices.Clone(m.Assignment)
	epochs := make([]int64, len(assignment))
	for id, r := range readings {
		for bucket, h := range r.holdings {
			if h.Epoch <= epochs[bucket] {
				continue
			}
			epochs[bucket], assignment[bucket] = h.Epoch, h.Owner
			if h.here() {
				assignment[bucket] = id
			}
		}
	}
	return assignment
}

func medianRate(readings map[int]*reading) (rowsPerSecond float64, measured bool) {
	var rates []float64
	for _, r := range readings {
		rates = append(rates, r.rates...)
	}
	if len(rates) == 0 {
		return usualRate, false
	}
	slices.Sort(rates)
	return rates[len(rates)/2], true
}
