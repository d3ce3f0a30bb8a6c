package reshard

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// holding is what a shard reports about one bucket.
type holding struct {
	Bucket int32
	State  string
	Epoch  int64
	Owner  int
}

func (h holding) here() bool { return h.State == "owned" || h.State == "fenced" }

func readHoldings(ctx context.Context, q querier) (map[int32]holding, error) {
	rows, err := q.Query(ctx, "SELECT bucket, state, epoch, owner FROM scalestack.ownership")
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[holding])
	byBucket := make(map[int32]holding, len(list))
	for _, h := range list {
		byBucket[h.Bucket] = h
	}
	return byBucket, err
}

// actual returns the assignment according to the shards themselves.
func (m *Mover) actual(ctx context.Context, f *fleet) ([]int, error) {
	assignment := make([]int, m.options.Map.Buckets)
	for bucket := range assignment {
		assignment[bucket] = -1
	}
	for _, s := range f.inOrder() {
		holdings, err := readHoldings(ctx, s)
		if err != nil {
			return nil, err
		}
		for bucket, h := range holdings {
			if !h.here() {
				continue
			}
			if other := assignment[bucket]; other >= 0 {
				return nil, fmt.Errorf("bucket %d is owned by shards %d and %d", bucket, other, s.shard.ID)
			}
			assignment[bucket] = s.shard.ID
		}
	}
	for bucket, owner := range assignment {
		if owner < 0 {
			return nil, fmt.Errorf("no shard of the map owns bucket %d: a shard is missing from the map or was not migrated", bucket)
		}
	}
	return assignment, nil
}

// fence makes a shard refuse writes to the buckets for the time of the lease, and
// returns once the last earlier writer has ended. For buckets that are already fenced
// it renews the lease.
func (m *Mover) fence(ctx context.Context, q querier, buckets []int32) error {
	if err := m.lockBuckets(ctx, q, buckets); err != nil {
		return err
	}
	if _, err := q.Exec(ctx, `
		UPDATE scalestack.ownership SET state = 'fenced', epoch = epoch + (state = 'owned')::int,
			fenced_until = clock_timestamp() + $2::interval, changed_at = now()
		WHERE bucket = ANY ($1) AND state IN ('owned', 'fenced')`, buckets, m.options.Lease); err != nil {
		return fmt.Errorf("fencing: %w", err)
	}
	return requireAll(ctx, q, buckets, "fenced")
}

// boundLocks limits how long writers queue behind this session for a writer that does
// not end.
func (m *Mover) boundLocks(ctx context.Context, q querier) error {
	_, err := q.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", m.options.FenceWait.Milliseconds()))
	return err
}

// lockBuckets waits for the writers of the buckets.
func (m *Mover) lockBuckets(ctx context.Context, q querier, buckets []int32) error {
	if err := m.boundLocks(ctx, q); err != nil {
		return err
	}
	if _, err := q.Exec(ctx, "SELECT pg_advisory_xact_lock(21331, bucket) FROM unnest($1::integer[]) AS bucket", buckets); err != nil {
		return fmt.Errorf("waiting for writers: %w", err)
	}
	return nil
}

func requireAll(ctx context.Context, q querier, buckets []int32, state string) error {
	found, err := count(ctx, q, buckets, state)
	if err == nil && found != len(buckets) {
		err = fmt.Errorf("%d of %d buckets are not %s", len(buckets)-found, len(buckets), state)
	}
	return err
}

func count(ctx context.Context, q querier, buckets []int32, state string) (n int, err error) {
	err = q.QueryRow(ctx, "SELECT count(*) FROM scalestack.ownership WHERE bucket = ANY ($1) AND state = $2", buckets, state).Scan(&n)
	return n, err
}

// lift lifts fences. It waits for no row: a locked one belongs to a writer that is just
// lifting a lapsed fence, or to the next writer if that one fails, and meanwhile all
// other buckets' writers would wait behind this session.
const lift = `
	UPDATE scalestack.ownership SET state = 'owned', epoch = epoch + 1, fenced_until = NULL, changed_at = now()
	WHERE bucket IN (SELECT bucket FROM scalestack.ownership WHERE state = 'fenced' AND coalesce(bucket = ANY ($1), true) FOR UPDATE SKIP LOCKED)`

// unfence lets writers in again.
func unfence(ctx context.Context, q querier, buckets []int32) error {
	_, err := q.Exec(ctx, lift, buckets)
	return err
}

// errLapsed means that a writer came before the bucket was given up.
var errLapsed = errors.New("the fence lapsed, and a writer lifted it")

// giveUp makes a shard refer to the new owner, for reads as well. A writer lifts a
// lapsed fence in the transaction of its write: either that has committed, and the
// bucket is no longer fenced here, or this session holds its row, and the writer is
// refused.
func (m *Mover) giveUp(ctx context.Context, q querier, buckets []int32, owner int) error {
	if err := m.boundLocks(ctx, q); err != nil {
		return err
	}
	tag, err := q.Exec(ctx, `
		UPDATE scalestack.ownership SET state = 'moved', epoch = epoch + 1, owner = $2, fenced_until = NULL, changed_at = now()
		WHERE bucket = ANY ($1) AND state = 'fenced'`, buckets, owner)
	if err == nil && int(tag.RowsAffected()) != len(buckets) {
		err = errLapsed
	}
	if err != nil {
		return fmt.Errorf("handing over: %w", err)
	}
	return nil
}

// claim makes the taker own what the giver gave up for it. Its epochs are the giver's
// plus one; a taker that knows a later epoch refuses.
func claim(ctx context.Context, q querier, taker int, given map[int32]holding, buckets []int32) error {
	epochs := make([]int64, len(buckets))
	for i, bucket := range buckets {
		h := given[bucket]
		if h.State != "moved" || h.Owner != taker {
			return fmt.Errorf("bucket %d was not given up for shard %d", bucket, taker)
		}
		epochs[i] = h.Epoch + 1
	}
	tag, err := q.Exec(ctx, `
		INSERT INTO scalestack.ownership AS o (bucket, state, epoch, owner)
		SELECT bucket, 'owned', epoch, $1 FROM unnest($2::integer[], $3::bigint[]) AS given(bucket, epoch)
		ON CONFLICT (bucket) DO UPDATE SET state = 'owned', epoch = excluded.epoch, owner = excluded.owner, changed_at = now()
		WHERE (o.state = 'moved' AND o.epoch < excluded.epoch) OR (o.state = 'owned' AND o.epoch = excluded.epoch)`,
		taker, buckets, epochs)
	if err == nil && int(tag.RowsAffected()) != len(buckets) {
		err = fmt.Errorf("only %d of %d buckets could be claimed: shard %d knows of later owners", tag.RowsAffected(), len(buckets), taker)
	}
	return err
}

// liftFences lets writers in everywhere on a shard. The shard that set a fence can
// always lift it safely: no other shard may own the bucket until this one has given it
// up.
func (m *Mover) liftFences(ctx context.Context, s *session) error {
	return pgx.BeginFunc(ctx, s, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lift, []int32(nil)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE scalestack.move SET state = $1 WHERE state IN ($2, $3)", CaughtUp, Fenced, Drained)
		return err
	})
}
