package reshard

import (
	"cmp"
	"slices"
)

// era is the least that a reconciliation adds to the epochs of what it decides. It also
// raises them to at least its clock's seconds times an era: a restore can cut off a
// history whose epochs no shard knows any more, and a copy of that history that comes
// back later must still be the older one. A bucket that changes hands takes three
// epochs, so no history between two restores reaches an era.
const era = 1 << 20

// nobody is the shard of a bucket without an owner.
const nobody = -1

// report is what one shard reports about buckets and moves.
type report struct {
	shard    int
	holdings map[int32]holding
	// moves are the unfinished moves from this shard.
	moves []*Move
	// restores are those that made the shard's data and are not reconciled yet.
	restores []string
}

// kind is what all shards together report about a bucket.
type kind int

const (
	// sound buckets have one owner, and it has the latest epoch.
	sound kind = iota
	// moving buckets are between two owners; the mover will finish that.
	moving
	// twice: several owners, one of which has the latest epoch.
	twice
	// takenBack: a move handed the bucket to a shard that no longer knows it, while its
	// source still has all rows.
	takenBack
	// cameBack: the bucket left its owner and came back after the owner's moment.
	cameBack
	// given buckets go where a person said.
	given

	// A person has to decide the kinds from here on.

	// lost buckets have no owner, and the shard that had them last does not know it.
	lost
	// older: the owner has older rows than those that the last owner lost.
	older
	// tied: several owners with the same epoch.
	tied
	// elsewhere: the map lacks the bucket's last owner.
	elsewhere
	// unclaimed buckets were never claimed by any shard.
	unclaimed
)

func (k kind) decided() bool { return k < lost }

// givable reports whether a person may decide where such a bucket goes.
func (k kind) givable() bool { return k == lost || k == older || k == tied }

// ruling says who keeps a bucket.
type ruling struct {
	bucket int32
	kind   kind
	// keeper is the owner that it has or will have; nobody while it is moving or
	// undecided.
	keeper int
	// losers own it and must give way, ascending.
	losers []int
	// last is the owner according to the latest report, and epoch that report's epoch.
	last  int
	epoch int64
}

// holder is a shard's claim to own a bucket.
type holder struct {
	shard int
	epoch int64
}

// view is everything that is known about one bucket.
type view struct {
	bucket int32
	// claims are in descending order of epochs.
	claims []holder
	// newest has the highest epoch, and teller is the shard that reports it.
	newest holding
	teller int
	// moves are the unfinished ones with this bucket.
	moves []*Move
	// restored are the shards that say that they were restored.
	restored []int
}

func viewOf(bucket int32, reports []report) view {
	v := view{bucket: bucket, teller: nobody, newest: holding{Owner: nobody}}
	for _, r := range reports {
		if len(r.restores) > 0 {
			v.restored = append(v.restored, r.shard)
		}
		for _, mv := range r.moves {
			if slices.Contains(mv.Buckets, bucket) {
				v.moves = append(v.moves, mv)
			}
		}
		h, known := r.holdings[bucket]
		if !known {
			continue
		}
		if h.here() {
			v.claims = append(v.claims, holder{r.shard, h.Epoch})
		}
		if h.Epoch > v.newest.Epoch || h.Epoch == v.newest.Epoch && h.here() {
			v.newest, v.teller = h, r.shard
		}
	}
	slices.SortStableFunc(v.claims, func(a, b holder) int { return cmp.Compare(b.epoch, a.epoch) })
	return v
}

// copyWith returns the shard that has given the bucket away and still has all its rows,
// as of that time or later. The latest complete copy counts. A source that names
// another owner than the move's target has learned of a later decision.
func (v view) copyWith() int {
	for _, mv := range v.moves {
		complete := mv.State == HandedOver || mv.State == Switched
		handedOver := v.teller == mv.Source && v.newest.Owner == mv.Target
		if complete && (handedOver || v.newest.Owner == mv.Source) {
			return mv.Source
		}
	}
	return nobody
}

// inFlight reports whether a mover finishes what nobody owns. It must not if either end
// was restored: that shard may have owned the bucket, or deleted its rows, after the
// time it was restored to.
func (v view) inFlight() bool {
	return slices.ContainsFunc(v.moves, func(mv *Move) bool {
		return !v.cut(mv) && (mv.State == HandedOver && v.teller == mv.Source && v.newest.Owner == mv.Target ||
			mv.State == Returning && v.teller == mv.Target && v.newest.Owner == mv.Source)
	})
}

func (v view) cut(mv *Move) bool {
	return slices.Contains(v.restored, mv.Source) || slices.Contains(v.restored, mv.Target)
}

func (v view) rule(shards []int) ruling {
	r := ruling{bucket: v.bucket, keeper: nobody, last: v.newest.Owner, epoch: v.newest.Epoch}
	source := v.copyWith()
	switch {
	case v.teller == nobody:
		r.kind = unclaimed
	case !slices.Contains(shards, v.newest.Owner):
		r.kind = elsewhere
	case len(v.claims) == 0 && v.inFlight():
		r.kind = moving
	case len(v.claims) > 1 && v.claims[0].epoch == v.claims[1].epoch && v.claims[0].epoch == v.newest.Epoch:
		r.kind = tied
	case len(v.claims) > 0 && v.claims[0].epoch == v.newest.Epoch:
		r.kind, r.keeper = sound, v.claims[0].shard
		if len(v.claims) > 1 {
			r.kind = twice
		}
	case source != nobody:
		r.kind, r.keeper = takenBack, source
	case len(v.claims) == 0:
		r.kind = lost
	case v.claims[0].shard == v.newest.Owner && (len(v.claims) == 1 || v.claims[1].epoch < v.claims[0].epoch):
		r.kind, r.keeper = cameBack, v.newest.Owner
	default:
		r.kind = older
	}
	return v.losers(r)
}

func (v view) losers(r ruling) ruling {
	r.losers = nil
	for _, c := range v.claims {
		if r.keeper != nobody && c.shard != r.keeper {
			r.losers = append(r.losers, c.shard)
		}
	}
	slices.Sort(r.losers)
	return r
}

// judgement is what all shards together report about all buckets.
type judgement struct {
	reports []report
	rulings []ruling
	// ends are the moves that cannot continue, by source and id.
	ends []*Move
	// misgiven are buckets that a person wants to give away but that have an owner.
	misgiven []int32
	// now is the time in seconds.
	now int64
}

// judge rules on every bucket. give says where a person wants undecided buckets to go.
func judge(buckets int, reports []report, give map[int32]int, now int64) *judgement {
	j := &judgement{reports: reports, now: now}
	var shards []int
	for _, r := range reports {
		shards = append(shards, r.shard)
	}
	var views []view
	for bucket := range int32(buckets) {
		v := viewOf(bucket, reports)
		views, j.rulings = append(views, v), append(j.rulings, v.rule(shards))
	}
	for bucket, to := range give {
		if r := &j.rulings[bucket]; r.kind.givable() {
			*r = views[bucket].give(*r, to)
		}
	}
	for _, r := range reports {
		for _, mv := range r.moves {
			if !j.canGoOn(mv, views) {
				j.ends = append(j.ends, mv)
			}
		}
	}
	for i, r := range j.rulings {
		// Nobody else would finish what is between the two ends of that move.
		if r.kind == moving && slices.Contains(j.ends, views[i].moves[0]) {
			j.rulings[i] = views[i].stranded(r)
		}
	}
	for bucket, to := range give {
		switch r := &j.rulings[bucket]; {
		case r.kind.givable():
			*r = views[bucket].give(*r, to)
		// Running the same command again is not an error.
		case r.keeper != to || r.kind != sound && r.kind != given:
			j.misgiven = append(j.misgiven, bucket)
		}
	}
	slices.Sort(j.misgiven)
	return j
}

// stranded rules on a bucket whose move does not continue. The source of a hand-over
// has every row; nothing tells whether the target of a rollback still has its rows.
func (v view) stranded(r ruling) ruling {
	r.kind = lost
	if source := v.copyWith(); source != nobody {
		r.kind, r.keeper = takenBack, source
	}
	return r
}

func (v view) give(r ruling, to int) ruling {
	r.kind, r.keeper = given, to
	return v.losers(r)
}

// canGoOn reports whether what the shards own agrees with the state of a move.
func (j *judgement) canGoOn(mv *Move, views []view) bool {
	return !slices.ContainsFunc(mv.Buckets, func(bucket int32) bool {
		r := j.rulings[bucket]
		// A bucket starts a move only when the one before has ended.
		if len(views[bucket].moves) > 1 {
			return true
		}
		// These are left alone, so that everything there can still be found. But a
		// rollback with a restored end must not be mistaken for one that continues
		// later.
		if !r.kind.decided() {
			return mv.State == Returning && views[bucket].cut(mv)
		}
		ownedBy := func(shard int) bool { return r.kind == sound && r.keeper == shard }
		switch mv.State {
		case HandedOver:
			return r.kind != moving && !ownedBy(mv.Target)
		case Switched, Observed:
			return !ownedBy(mv.Target)
		case Returning:
			return r.kind != moving && !ownedBy(mv.Target) && !ownedBy(mv.Source)
		}
		return !ownedBy(mv.Source)
	})
}
