package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	// ownersEvery is how often each shard is asked what it owns.
	ownersEvery = 5 * time.Second
	// firstWord is how long, after the start, a shard that says nothing is waited for.
	firstWord = connectTimeout + time.Second
)

// holding is what a shard says of a bucket that it owns or has owned.
type holding struct {
	Bucket int64
	// Here means that the shard owns it.
	Here  bool
	Epoch int64
	Owner int
}

const selectHoldings = "SELECT bucket::bigint, state IN ('owned', 'fenced'), epoch, owner FROM scalestack.ownership"

// owners are the latest owners that the shards have told of. Epochs grow with every
// change of owner: a shard that owns a bucket by an earlier one was restored from
// before the bucket went, and does not know it.
type owners struct {
	mu     sync.Mutex
	latest map[int64]holding
	heard  map[int]bool
}

// note remembers what a shard says, and returns the buckets that others have got since
// the shard had them.
func (o *owners) note(shard int, said []holding) (lost []int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.latest == nil {
		o.latest, o.heard = map[int64]holding{}, map[int]bool{}
	}
	o.heard[shard] = true
	lost = []int64{}
	for _, h := range said {
		known := o.latest[h.Bucket]
		if h.Epoch > known.Epoch {
			o.latest[h.Bucket] = h
		} else if h.Here && h.Epoch < known.Epoch && known.Owner != shard {
			lost = append(lost, h.Bucket)
		}
	}
	return lost
}

func (o *owners) heardAll(m *shardmap.Map) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, shard := range m.Shards {
		if !o.heard[shard.ID] {
			return false
		}
	}
	return true
}

// hearAll waits until every shard has said what it owns, or has had its time.
func (r *Relay) hearAll(ctx context.Context, m *shardmap.Map) {
	for ctx.Err() == nil && !r.owners.heardAll(m) && time.Since(r.began) < firstWord {
		sleep(ctx, shortRest)
	}
}

func (s *session) holdings(ctx context.Context) ([]holding, error) {
	rows, err := s.conn.Query(ctx, selectHoldings)
	if err != nil {
		return nil, fmt.Errorf("asking what the shard owns: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[holding])
}

// lost asks the shard what it owns. A bucket may go while the first answer is on its way.
func (p *publisher) lost(ctx context.Context, s *session) (buckets []int64, err error) {
	for range 2 {
		said, err := s.holdings(ctx)
		if err != nil {
			return nil, err
		}
		if buckets = p.relay.owners.note(p.shard.ID, said); len(buckets) == 0 {
			break
		}
	}
	return buckets, nil
}

// lookAtOwners keeps the outbox from buckets that are another's, now and then.
func (p *publisher) lookAtOwners(ctx context.Context, s *session, box *outbox) error {
	now := time.Now()
	if now.Sub(p.timers.owners) < ownersEvery {
		return nil
	}
	p.timers.owners = now
	lost, err := p.lost(ctx, s)
	if err != nil {
		return err
	}
	if len(lost) > 0 && len(box.lost) == 0 {
		p.log.Error("not publishing for buckets that other shards have had since: this one was restored from before they went. Fix: shardctl reconcile",
			"buckets", len(lost), "bucket", lost[0])
	}
	box.lost = lost
	return nil
}
