package reshard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

func (r *reconciling) say(format string, args ...any) {
	r.result.Lines = append(r.result.Lines, fmt.Sprintf(format, args...))
}

// list lists what there is to do, except for rows, which are examined once the rest is
// done.
func (r *reconciling) list(ctx context.Context) error {
	for _, group := range groups(r.unsound()) {
		r.say("%s", describe(group))
		if group[0].kind.givable() {
			if err := r.sayRows(ctx, group); err != nil {
				return err
			}
		}
	}
	for _, mv := range r.ends {
		r.say("%s ends: it is %s, and the shards do not own what that says", mv, mv.State)
	}
	for _, s := range r.f.inOrder() {
		left, err := r.orphans(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		for _, o := range left {
			r.say("%s: drop %s %s of a move that does not go on", s.shard.Name, o.Sort, o.Name)
		}
	}
	return r.saySequences(ctx)
}

// sayRows says where rows of undecided buckets are.
func (r *reconciling) sayRows(ctx context.Context, group []ruling) error {
	buckets := bucketsOf(group)
	for _, s := range r.f.inOrder() {
		counts, err := r.rowsOf(ctx, s, buckets)
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		var all int64
		for _, count := range counts {
			all += count
		}
		r.say("  %s has %d rows there", s.shard.Name, all)
	}
	return nil
}

func (r *reconciling) saySequences(ctx context.Context) error {
	next, small, err := r.sequences(ctx)
	if err != nil {
		return err
	}
	r.next = next
	for _, report := range r.reports {
		name := r.f.sessions[report.shard].shard.Name
		if len(report.restores) > 0 {
			r.say("%s was restored (%s), and its buckets get epochs above all that were", name, strings.Join(report.restores, ", "))
		}
		if n := len(next[report.shard]); n > 0 {
			r.say("%s: %d sequences skip %d values each, so that none is given twice", name, n, skipped)
		}
		if names := small[report.shard]; names != nil {
			r.say("%s: too small to skip values, so look at these sequences yourself: %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

func bucketsOf(group []ruling) []int32 {
	buckets := make([]int32, len(group))
	for i, r := range group {
		buckets[i] = r.bucket
	}
	return buckets
}

// describe explains in one sentence what is wrong with some buckets, and what is done
// about it or what a person can do.
func describe(group []ruling) string {
	first, buckets := group[0], shardmap.BucketNames(bucketsOf(group))
	switch first.kind {
	case twice:
		return fmt.Sprintf("shards %s own %s, shard %d since later: the others give way", names(append(slices.Clone(first.losers), first.keeper)), buckets, first.keeper)
	case takenBack:
		return fmt.Sprintf("%s: handed over to shard %d, which knows nothing of that; shard %d has every row of before and takes back what it gave", buckets, first.last, first.keeper)
	case cameBack:
		return fmt.Sprintf("%s: left shard %d and came back since its moment; it keeps the rows of that moment", buckets, first.keeper)
	case given:
		return fmt.Sprintf("%s: given to shard %d, with the rows that it has", buckets, first.keeper)
	case lost:
		return fmt.Sprintf("%s: no owner. Shard %d was the last one and was restored to before that: the only rows are in its data folder or archive of before. "+
			"Fix: restore shard %[2]d to a later moment, or give up the rows with --give BUCKETS=SHARD", buckets, first.last)
	case older:
		return fmt.Sprintf("%s: what owns it now has older rows than shard %d had, which was the last owner and was restored to before that. "+
			"Fix: restore shard %[2]d to a later moment, or keep the older rows with --give BUCKETS=SHARD", buckets, first.last)
	case tied:
		return fmt.Sprintf("%s: several owners with the same epoch, so that nothing tells which is the later one. Fix: --give BUCKETS=SHARD", buckets)
	case elsewhere:
		return fmt.Sprintf("%s: shard %d is the owner by the latest news, and the map does not have it. Fix: put it back into the map", buckets, first.last)
	}
	return fmt.Sprintf("%s: no shard was ever the owner. Fix: shardctl migrate", buckets)
}

func names(shards []int) string {
	slices.Sort(shards)
	text := make([]string, len(shards))
	for i, shard := range shards {
		text[i] = fmt.Sprint(shard)
	}
	return strings.Join(text, " and ")
}
