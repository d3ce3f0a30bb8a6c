package history

import (
	"iter"
	"maps"
	"slices"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Row is a user as it lies in a database.
type Row struct {
	User    int64
	Shard   int
	Version int64
	Name    string
}

// Compare checks the rows of all shards against the history. The rows must come in
// ascending order of users, see Merge; they are read once, so that memory does not grow
// with them. owners holds the owning shard of each bucket. No client may be at work
// meanwhile. Of users outside the population only the place of their rows is checked.
// Afterwards, what was found counts as known: nobody may read an older version of a
// user.
func (h *History) Compare(owners []int, rows iter.Seq2[Row, error]) error {
	// next is the first seeded user that has not been met yet.
	next, end := h.population.First, h.population.First+h.population.Seeded
	var before Row
	first := true
	for row, err := range rows {
		if err != nil {
			return err
		}
		h.place(owners, row)
		if !first && row.User == before.User {
			h.found.Addf(DoubleRow, "user %d: on shard %d with version %d and on shard %d with version %d",
				row.User, before.Shard, before.Version, row.Shard, row.Version)
			continue
		}
		for ; next < end && next < row.User; next++ {
			h.missing(next)
		}
		if next == row.User {
			next++
		}
		h.content(row)
		before, first = row, false
	}
	for ; next < end; next++ {
		h.missing(next)
	}
	h.missingCreated()
	return nil
}

func (h *History) place(owners []int, row Row) {
	bucket := shardmap.Bucket(row.User, len(owners))
	if owners[bucket] != row.Shard {
		h.found.Addf(WrongShard, "user %d: a row on shard %d, but bucket %d is shard %d's", row.User, row.Shard, bucket, owners[bucket])
	}
}

// content compares a row with what the clients know of the user.
func (h *History) content(row Row) {
	r := h.recall(row.User)
	if r == nil {
		return
	}
	r.compared = true
	defer func() { r.seen = max(r.seen, row.Version) }()
	known := max(r.acknowledged, r.last, r.seen)
	switch {
	case row.Version < known:
		h.found.Addf(LostWrite, "user %d: version %d on shard %d, but version %d was known after %d acknowledged writes",
			row.User, row.Version, row.Shard, known, r.acknowledged)
	case row.Version > r.most():
		h.found.Addf(Invented, "user %d: version %d on shard %d after %d acknowledged and %d unknown writes",
			row.User, row.Version, row.Shard, r.acknowledged, r.unknown)
	case row.Version == r.last && row.Name != r.name, row.Version > r.last && !slices.Contains(r.doubtful, row.Name):
		h.found.Addf(WrongPayload, "user %d: version %d has %q, the last acknowledged write was version %d with %q",
			row.User, row.Version, row.Name, r.last, r.name)
	}
}

// recall returns what is known about a user, nil for one outside the population. A
// seeded user that nobody asked for must be as seeded; nothing is kept about it.
func (h *History) recall(user int64) *record {
	if r := h.stripes[uint64(user)%stripes].records[user]; r != nil || !h.population.Has(user) {
		return r
	}
	return h.population.before(user)
}

func (h *History) missing(user int64) {
	r := h.recall(user)
	r.compared = true
	h.found.Addf(LostWrite, "user %d: no row on any shard after %d acknowledged writes", user, r.acknowledged)
}

// missingCreated finds users without a row among those that the run created. The loop
// over the rows finds the seeded ones.
func (h *History) missingCreated() {
	for i := range h.stripes {
		records := h.stripes[i].records
		for _, user := range slices.Sorted(maps.Keys(records)) {
			if r := records[user]; !r.compared && r.acknowledged > 0 {
				h.missing(user)
			}
		}
	}
}
