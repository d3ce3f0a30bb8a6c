package reshard

import (
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	defaultBatch   = 32
	defaultObserve = 30 * time.Second
	defaultLease   = 4 * time.Second
)

// Options configure a Mover. Map, Connect and Log are required.
type Options struct {
	// Map is the desired map.
	Map *shardmap.Map
	// Connect returns the settings of a connection to a shard as owner.Mover, including
	// its current password.
	Connect func(shard *shardmap.Shard) (*pgx.ConnConfig, error)
	// SSLMode is libpq's sslmode between the shards; default disable.
	SSLMode string
	// SSLRootCert is the file with the authorities of the shards' certificates, as a
	// path on the shards' own servers. verify-ca and verify-full need it.
	SSLRootCert string
	// Batch is the most buckets that move together, default 32. One batch costs two
	// scans of the source's tables and one write pause for its buckets.
	Batch int
	// Parallel is the most moves that run at once, between pairs that share no shard;
	// default 1.
	Parallel int
	// Volume is the size of each shard's volume in bytes, which SQL cannot see. A move
	// that would fill the target's volume is refused. Default 0, which disables the
	// check.
	Volume int64
	// MaxLag is how far behind the target may be before the fence; default 100 ms.
	MaxLag time.Duration
	// FenceWait is how long a fence waits for writers, default 200 ms. New writers
	// queue behind it.
	FenceWait time.Duration
	// DrainTimeout is how long writes may pause before the fence is lifted, to be tried
	// again later; default 2 s.
	DrainTimeout time.Duration
	// Lease is how long a fence holds, default 4 s, which is less than the 5 s for
	// which a router waits for an owner. After it the first writer lifts the fence,
	// whether the mover is dead or slow.
	Lease time.Duration
	// Attempts is how many fences are tried before the move is aborted and its copy
	// thrown away, default 100: about eight minutes of a transaction that does not end.
	// Up to 5 s pass between two attempts.
	Attempts int
	// Observe is how long a switched move can be rolled back, default 30 s.
	Observe time.Duration
	// LockWait is how long to wait for a killed mover's lock, default 10 s.
	LockWait time.Duration
	// Patience limits how long a shard may be unreachable, how long a replication slot
	// may wait for transactions that do not end, and how long a move may keep losing
	// its sessions without progress; default 10 min.
	Patience time.Duration
	Log      *slog.Logger
	// OnState is called after every state that was written, concurrently for several
	// moves if Parallel is above 1.
	OnState func(Move)
	// OnProgress is called on every change, and several times a second while a move
	// copies or catches up.
	OnProgress func(Progress)
	// Metrics registers the mover's metrics; default none.
	Metrics prometheus.Registerer
}

func orDefault[T int | time.Duration](value *T, byDefault T) {
	if *value == 0 {
		*value = byDefault
	}
}

func (o Options) withDefaults() Options {
	orDefault(&o.Batch, defaultBatch)
	orDefault(&o.Parallel, 1)
	orDefault(&o.MaxLag, 100*time.Millisecond)
	orDefault(&o.FenceWait, 200*time.Millisecond)
	orDefault(&o.DrainTimeout, 2*time.Second)
	orDefault(&o.Lease, defaultLease)
	orDefault(&o.Attempts, 100)
	orDefault(&o.Observe, defaultObserve)
	orDefault(&o.LockWait, 10*time.Second)
	orDefault(&o.Patience, 10*time.Minute)
	if o.SSLMode == "" {
		o.SSLMode = "disable"
	}
	if o.OnState == nil {
		o.OnState = func(Move) {}
	}
	if o.OnProgress == nil {
		o.OnProgress = func(Progress) {}
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	return o
}

// Mover moves buckets until the shards own what the desired map says.
type Mover struct {
	options Options
	track   *tracker
	// stopped is why no further move begins.
	stopped error
	// fixed is for tests and measurements: the share of its time that the mover works,
	// regardless of how long commits take.
	fixed float64

	losing sync.Mutex
	// losses are by the move's name.
	losses map[string]*losses
	// given is what this process has given each stream to connect with: nobody but a superuser may read it.
	given sync.Map
}

// New returns a Mover.
func New(o Options) *Mover {
	o = o.withDefaults()
	return &Mover{options: o, track: newTracker(o), losses: map[string]*losses{}}
}
