package reshard

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Observation is what one shard reports at one moment.
type Observation struct {
	Shard shardmap.Shard
	// Err says why the shard did not answer; then everything below is empty.
	Err error
	// Buckets counts buckets by state: owned, fenced, moved.
	Buckets map[string]int
	// Moves counts moves from this shard by state, including those that have ended.
	Moves map[State]int
	// Rows and Bytes are the planner's estimates for all sharded tables, including
	// indexes and rows that are not vacuumed yet.
	Rows, Bytes int64
	// Load is how busy the shard's server is.
	Load Load
	// CertificateEnds is when the certificate that the server presented expires; zero
	// without TLS.
	CertificateEnds time.Time

	holdings map[int32]holding
}

// Observe asks every shard of the map at once. It takes no lock, and a service's
// credentials are enough.
func Observe(ctx context.Context, m *shardmap.Map, connect func(*shardmap.Shard) (*pgx.ConnConfig, error)) []Observation {
	list := make([]Observation, len(m.Shards))
	var all sync.WaitGroup
	for i := range m.Shards {
		all.Go(func() {
			list[i] = Observation{Shard: m.Shards[i], Buckets: map[string]int{}, Moves: map[State]int{}}
			list[i].Err = list[i].read(ctx, m, connect)
		})
	}
	all.Wait()
	return list
}

func (o *Observation) read(ctx context.Context, m *shardmap.Map, connect func(*shardmap.Shard) (*pgx.ConnConfig, error)) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	config, err := connect(&o.Shard)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	o.CertificateEnds = certificateEnds(conn)
	if err := identity.Check(ctx, conn, o.Shard.Name, identity.Of(m, &o.Shard)); err != nil {
		return err
	}
	r, err := newReading(ctx, conn)
	if err != nil {
		return err
	}
	o.Rows, o.Bytes, o.holdings = r.rows, r.bytes, r.holdings
	for _, h := range r.holdings {
		o.Buckets[h.State]++
	}
	if err := o.Load.read(ctx, conn); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, "SELECT state, count(*) FROM scalestack.move GROUP BY state")
	if err != nil {
		return err
	}
	var state State
	var count int
	_, err = pgx.ForEachRow(rows, []any{&state, &count}, func() error {
		o.Moves[state] = count
		return nil
	})
	return err
}

// certificateEnds looks at what the server presents to clients rather than at a Secret:
// a renewed certificate does not help until the server has loaded it.
func certificateEnds(conn *pgx.Conn) time.Time {
	encrypted, ok := conn.PgConn().Conn().(*tls.Conn)
	if !ok {
		return time.Time{}
	}
	return encrypted.ConnectionState().PeerCertificates[0].NotAfter
}

// Misplaced counts the buckets that are not where the map wants them, according to the
// shards that answered.
func Misplaced(m *shardmap.Map, all []Observation) int {
	readings := map[int]*reading{}
	for _, o := range all {
		if o.Err == nil {
			readings[o.Shard.ID] = &reading{holdings: o.holdings}
		}
	}
	return misplaced(m, readings)
}

func misplaced(m *shardmap.Map, readings map[int]*reading) (count int) {
	for bucket, owner := range owners(m, readings) {
		if owner != m.Assignment[bucket] {
			count++
		}
	}
	return count
}

// Doubles remembers from one look to the next which buckets two shards own. Its zero
// value is ready to use.
type Doubles struct{ seen map[int32]double }

type double struct {
	// owners are the shards' names by id.
	owners map[int]string
	// sure means that two looks in a row showed it: during a move a single look can.
	sure bool
}

// Look returns an error that names a bucket owned by two shards, or nil. A shard that
// does not answer is assumed to still own what it was seen to own together with another
// shard: the bucket keeps two owners until all of them have answered and only one owns
// it.
func (d *Doubles) Look(all []Observation) error {
	owners, silent := map[int32]map[int]string{}, map[int]bool{}
	for _, o := range all {
		silent[o.Shard.ID] = o.holdings == nil
		for bucket, h := range o.holdings {
			if !h.here() {
				continue
			}
			if owners[bucket] == nil {
				owners[bucket] = map[int]string{}
			}
			owners[bucket][o.Shard.ID] = o.Shard.Name
		}
	}
	next := map[int32]double{}
	for bucket, now := range owners {
		if len(now) > 1 {
			next[bucket] = double{now, d.seen[bucket].owners != nil}
		}
	}
	for bucket, before := range d.seen {
		if now := before.together(owners[bucket], silent); len(now) > 1 && next[bucket].owners == nil {
			next[bucket] = double{now, before.sure}
		}
	}
	d.seen = next
	for _, bucket := range slices.Sorted(maps.Keys(next)) {
		if found := next[bucket]; found.sure {
			names := slices.Sorted(maps.Values(found.owners))
			return fmt.Errorf("bucket %d is owned by %s: one was restored from before a move. Fix: shardctl reconcile", bucket, strings.Join(names, " and "))
		}
	}
	return nil
}

// together adds the earlier owners that do not answer to those that do.
func (d double) together(now map[int]string, silent map[int]bool) map[int]string {
	all := maps.Clone(now)
	if all == nil {
		all = map[int]string{}
	}
	for id, name := range d.owners {
		if silent[id] {
			all[id] = name
		}
	}
	return all
}
