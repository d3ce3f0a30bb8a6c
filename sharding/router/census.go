package router

import (
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// holding is what a shard reports about a bucket that it owns or has owned.
type holding struct {
	Bucket int
	// Here means that the bucket's rows count on this shard.
	Here  bool
	Epoch int64
	Owner int
}

const selectHoldings = "SELECT bucket, state IN ('owned', 'fenced'), epoch, owner FROM scalestack.ownership"

func collectHoldings(rows pgx.Rows, err error) ([]holding, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[holding])
}

// census says which buckets a set of answers covers, and what to do about the others.
type census struct {
	missing, twice []int
	// again lists the shards whose snapshots are older than what another shard reports.
	again []int
	// unsettled means that asking again can help.
	unsettled bool
}

// tally sums up what all answers report about one bucket.
type tally struct {
	claims int
	// claimant made the claim with the highest epoch.
	claimant   int
	claimEpoch int64
	// owner is the one that the highest epoch names, -1 when nobody knows the bucket.
	owner int
	epoch int64
}

// takeCensus counts how often each bucket was seen. Epochs grow with every
// change of owner: of two that claim a bucket, the lower epoch is the older
// snapshot. A bucket that nobody claims is between two owners, unless the one
// that it belongs to has given no answer.
func takeCensus(buckets int, answers map[int][]holding, failed []int) census {
	var c census
	again := map[int]bool{}
	tallies := make([]tally, buckets)
	for bucket := range tallies {
		tallies[bucket].owner = -1
	}
	for id, holdings := range answers {
		for _, h := range holdings {
			tallies[h.Bucket].add(id, h, again)
		}
	}
	for bucket, t := range tallies {
		switch {
		case t.claims > 1:
			c.twice = append(c.twice, bucket)
		case t.claims == 0:
			c.missing = append(c.missing, bucket)
			c.unsettled = t.chase(answers, failed, again) || c.unsettled
		}
	}
	c.again = slices.Sorted(maps.Keys(again))
	c.unsettled = c.unsettled || len(c.again) > 0
	return c
}

func (t *tally) add(shard int, h holding, again map[int]bool) {
	if h.Epoch > t.epoch {
		t.epoch, t.owner = h.Epoch, h.Owner
	}
	if !h.Here {
		return
	}
	t.claims++
	switch {
	case t.claims == 1:
		t.claimant, t.claimEpoch = shard, h.Epoch
	case h.Epoch > t.claimEpoch:
		again[t.claimant] = true
		t.claimant, t.claimEpoch = shard, h.Epoch
	default:
		again[shard] = true
	}
}

// chase reports whether a bucket that nobody claims can still be found, and marks whom
// to ask again: its next owner, or everybody when nobody knows it.
func (t *tally) chase(answers map[int][]holding, failed []int, again map[int]bool) bool {
	if t.owner < 0 && len(failed) > 0 || slices.Contains(failed, t.owner) {
		return false
	}
	for id := range answers {
		if id == t.owner || t.owner < 0 {
			again[id] = true
		}
	}
	return true
}
