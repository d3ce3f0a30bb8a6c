package reshard

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"
)

// orphan is a part of a stream on one shard. After restores, the parts of one stream
// can be from different times.
type orphan struct{ Sort, Name string }

const selectStreams = `
	SELECT 'subscription', subname::text FROM pg_subscription WHERE subname LIKE $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
	UNION ALL SELECT 'slot', slot_name::text FROM pg_replication_slots WHERE slot_name LIKE $1 AND database = current_database() AND NOT temporary
	UNION ALL SELECT 'publication', pubname::text FROM pg_publication WHERE pubname LIKE $1
	ORDER BY 1 DESC, 2`

// streamOf matches the part of a name that is its move's stream.
var streamOf = regexp.MustCompile(`^scalestack_move_[0-9]+_[0-9]+`)

// orphans returns what moves that do not continue have left on a shard, subscriptions
// first.
func (r *reconciling) orphans(ctx context.Context, s *session) ([]orphan, error) {
	rows, err := s.Query(ctx, selectStreams, streamsOf)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[orphan])
	open, left := r.going(), []orphan{}
	for _, o := range all {
		if !open[streamOf.FindString(o.Name)] {
			left = append(left, o)
		}
	}
	return left, err
}

// dropStreams removes what is left of moves that do not continue. It runs first: a
// stream must not bring rows to a shard that is about to own them.
func (r *reconciling) dropStreams(ctx context.Context) error {
	for _, s := range r.f.inOrder() {
		left, err := r.orphans(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		for _, o := range left {
			if err := s.dropOrphan(ctx, o); err != nil {
				return fmt.Errorf("%s: %s %s: %w", s.shard.Name, o.Sort, o.Name, err)
			}
			r.step("%s: dropped %s %s", s.shard.Name, o.Sort, o.Name)
		}
	}
	return r.dropCopySlots(ctx)
}

func (s *session) dropOrphan(ctx context.Context, o orphan) error {
	name := pgx.Identifier{o.Name}.Sanitize()
	switch o.Sort {
	case "slot":
		return s.dropSlot(ctx, o.Name)
	case "publication":
		_, err := s.Exec(ctx, "DROP PUBLICATION IF EXISTS "+name)
		return err
	}
	return s.dropSubscription(ctx, name)
}

// copySlot matches what PostgreSQL calls the slot of a table's initial copy: the ids of
// the subscription and the table, and the system identifier of the subscriber.
var copySlot = regexp.MustCompile(`^pg_([0-9]+)_sync_[0-9]+_([0-9]+)$`)

// dropCopySlots removes the slots of copies whose subscription one of the shards used
// to have.
func (r *reconciling) dropCopySlots(ctx context.Context) error {
	alive := map[string][]string{}
	for _, s := range r.f.inOrder() {
		var system string
		var subscriptions []string
		if err := s.QueryRow(ctx, selectSubscriber).Scan(&system, &subscriptions); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		alive[system] = append(alive[system], subscriptions...)
	}
	for _, s := range r.f.inOrder() {
		rows, err := s.Query(ctx, "SELECT slot_name::text FROM pg_replication_slots WHERE slot_type = 'logical'")
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		slots, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		for _, slot := range slots {
			parts := copySlot.FindStringSubmatch(slot)
			if parts == nil {
				continue
			}
			subscriptions, ours := alive[parts[2]]
			if !ours || slices.Contains(subscriptions, parts[1]) {
				continue
			}
			if err := s.dropSlot(ctx, slot); err != nil {
				return fmt.Errorf("%s: slot %s: %w", s.shard.Name, slot, err)
			}
		}
	}
	return nil
}
