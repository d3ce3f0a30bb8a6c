package reshard

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Observation is what one shard says of itself at one moment.
type Observation struct {
	Shard shardmap.Shard
	// Err says why the shard gave no answer; everything below is empty then.
	Err error
	// Buckets counts by state: owned, fenced, moved.
	Buckets map[string]int
	// Moves counts those from this shard by state, with those that have ended.
	Moves map[State]int
	// Rows and Bytes are the planner's estimate of all sharded tables, with
	// their indexes and what is not yet vacuumed.
	Rows, Bytes int64
	// Load is how busy the shard's server is.
	Load Load
	// CertificateEnds is when the certificate that the server has shown expires; zero
	// without TLS.
	CertificateEnds time.Time

	holdings map[int32]holding
}

// Observe asks every shard of the map at once. It takes no lock, and the
// credentials of the service are enough.
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

// certificateEnds looks at what the server shows to its clients, and not at a Secret: a
// renewed certificate that no server has loaded still expires.
func certificateEnds(conn *pgx.Conn) time.Time {
	encrypted, ok := conn.PgConn().Conn().(*tls.Conn)
	if !ok {
		return time.Time{}
	}
	return encrypted.ConnectionState().PeerCertificates[0].NotAfter
}

// Misplaced counts the buckets that are not where the map wants them, as far as
// the shards that answered say.
func Misplaced(m *shardmap.Map, all []Observation) (count int) {
	readings := map[int]*reading{}
	for _, o := range all {
		if o.Err == nil {
			readings[o.Shard.ID] = &reading{holdings: o.holdings}
		}
	}
	for bucket, owner := range owners(m, readings) {
		if owner != m.Assignment[bucket] {
			count++
		}
	}
	return count
}

// OwnedTwice returns an error that names a bucket which two shards own, or nil.
// During a move two looks at different moments can show that; a second round
// that shows the same is the truth.
func OwnedTwice(all []Observation) error {
	owner := map[int32]string{}
	for _, o := range all {
		for bucket, h := range o.holdings {
			if !h.here() {
				continue
			}
			if other, found := owner[bucket]; found {
				return fmt.Errorf("bucket %d is owned by %s and %s: one was restored from before a move. Fix: shardctl reconcile", bucket, other, o.Shard.Name)
			}
			owner[bucket] = o.Shard.Name
		}
	}
	return nil
}
