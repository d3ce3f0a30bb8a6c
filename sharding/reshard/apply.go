package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/locks"
)

// apply makes the changes in an order in which no bucket ever has two owners, and in
// which the next run finds whatever an interrupted one left to do.
func (r *reconciling) apply(ctx context.Context) error {
	if err := r.dropStreams(ctx); err != nil {
		return err
	}
	drops, claims := r.writes()
	for _, s := range r.f.inOrder() {
		if err := r.giveWay(ctx, s, drops[s.shard.ID]); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	for _, s := range r.f.inOrder() {
		if err := r.settle(ctx, s, claims[s.shard.ID]); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	// Last: until then every run knows which shards were restored.
	for _, report := range r.reports {
		s := r.f.sessions[report.shard]
		if err := r.note(ctx, s, report.restores); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	return nil
}

func (r *reconciling) step(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.Mover.options.Log.Info("reconciled", "step", text)
	r.options.OnStep(text)
}

const (
	setOwner = `
		UPDATE scalestack.ownership SET state = 'moved', epoch = given.epoch, owner = given.owner, fenced_until = NULL, changed_at = now()
		FROM unnest($1::integer[], $2::bigint[], $3::integer[]) AS given(bucket, epoch, owner) WHERE ownership.bucket = given.bucket`

	setOwned = `
		INSERT INTO scalestack.ownership AS o (bucket, state, epoch, owner)
		SELECT bucket, 'owned', epoch, owner FROM unnest($1::integer[], $2::bigint[], $3::integer[]) AS given(bucket, epoch, owner)
		ON CONFLICT (bucket) DO UPDATE SET state = 'owned', epoch = excluded.epoch, owner = excluded.owner, fenced_until = NULL, changed_at = now()`
)

// columns returns the arguments of the statements on the ownership.
func columns(list []write) (buckets []int32, epochs []int64, owners []int) {
	for _, w := range list {
		buckets, epochs, owners = append(buckets, w.bucket), append(epochs, w.epoch), append(owners, w.owner)
	}
	return buckets, epochs, owners
}

// giveWay makes a shard name the later owner. It waits for writers that do not know
// yet.
func (r *reconciling) giveWay(ctx context.Context, s *session, drops []write) error {
	if drops == nil {
		return nil
	}
	buckets, epochs, owners := columns(drops)
	return r.change(ctx, s, "gave way", func(tx pgx.Tx) error {
		if err := r.lockBuckets(ctx, tx, buckets); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, setOwner, buckets, epochs, owners); err != nil {
			return err
		}
		return r.skipValues(ctx, tx, s.shard.ID, false)
	})
}

// settle writes in one transaction what a shard keeps and which of its moves have
// ended.
func (r *reconciling) settle(ctx context.Context, s *session, claims []write) error {
	ends := slices.DeleteFunc(slices.Clone(r.ends), func(mv *Move) bool { return mv.Source != s.shard.ID })
	if claims == nil && len(ends) == 0 {
		return nil
	}
	buckets, epochs, owners := columns(claims)
	return r.change(ctx, s, "has its buckets", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setOwned, buckets, epochs, owners); err != nil {
			return err
		}
		for _, mv := range ends {
			over := *mv
			over.Reason = "reconciled after a restore, when it was " + string(mv.State)
			if err := advance(ctx, tx, &over, Aborted); err != nil {
				return err
			}
		}
		return r.skipValues(ctx, tx, s.shard.ID, false)
	})
}

// note records that a shard's restores have been dealt with.
func (r *reconciling) note(ctx context.Context, s *session, restores []string) error {
	if len(restores) == 0 {
		return nil
	}
	return r.change(ctx, s, "has dealt with "+strings.Join(restores, ", "), func(tx pgx.Tx) error {
		if err := r.skipValues(ctx, tx, s.shard.ID, true); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO scalestack.reconciled (restore) SELECT unnest($1::text[])", restores)
		return err
	})
}

// skipValues advances the sequences of a restored shard, once. If the shard itself says
// that it was restored, it does so together with the note that this has been dealt
// with; otherwise with the first change, after which nothing shows the restore any
// more.
func (r *reconciling) skipValues(ctx context.Context, tx pgx.Tx, shard int, noted bool) error {
	if noted != r.named(shard) || r.skipped[shard] {
		return nil
	}
	for _, q := range r.next[shard] {
		if err := q.restart(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// change runs one transaction on a shard. It waits for whoever is in its way.
func (r *reconciling) change(ctx context.Context, s *session, what string, do func(pgx.Tx) error) error {
	if err := locks.Retry(ctx, s.Conn, r.Mover.options.Log, do); err != nil {
		return err
	}
	r.skipped[s.shard.ID] = r.skipped[s.shard.ID] || !r.named(s.shard.ID)
	r.step("%s %s", s.shard.Name, what)
	return nil
}
