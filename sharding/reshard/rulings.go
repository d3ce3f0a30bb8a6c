package reshard

import "slices"

// write is a change of what a shard records about a bucket.
type write struct {
	bucket int32
	epoch  int64
	owner  int
}

// writes returns the changes that put the rulings into effect, by shard: first the
// shards that give way, so that no bucket has two owners even for a moment, then those
// that keep something.
func (j *judgement) writes() (drops, claims map[int][]write) {
	drops, claims = map[int][]write{}, map[int][]write{}
	for _, r := range j.rulings {
		if r.keeper == nobody {
			continue
		}
		epoch := r.epoch
		if r.kind != sound && r.kind != twice || j.named(r.keeper) {
			epoch = max(epoch+era, j.now*era)
			claims[r.keeper] = append(claims[r.keeper], write{r.bucket, epoch, r.keeper})
		}
		for _, report := range j.reports {
			if j.misleads(report, r) {
				drops[report.shard] = append(drops[report.shard], write{r.bucket, epoch - 1, r.keeper})
			}
		}
	}
	return drops, claims
}

// misleads reports whether a shard owns a bucket that it has to give up, or names an
// owner that is no longer right: clients would be sent in circles.
func (j *judgement) misleads(report report, r ruling) bool {
	h, known := report.holdings[r.bucket]
	if !known || report.shard == r.keeper {
		return false
	}
	decided := r.kind != sound && r.kind != twice || j.named(report.shard)
	return h.here() || decided && h.Owner != r.keeper
}

// named reports whether a shard says itself that it was restored.
func (j *judgement) named(shard int) bool {
	return slices.ContainsFunc(j.reports, func(r report) bool { return r.shard == shard && len(r.restores) > 0 })
}

// restored returns the shards that say that they were restored, and those about which
// others know more than they do.
func (j *judgement) restored() map[int]bool {
	found := map[int]bool{}
	for _, r := range j.reports {
		if j.named(r.shard) {
			found[r.shard] = true
		}
	}
	for _, r := range j.rulings {
		switch r.kind {
		case takenBack, cameBack, given:
			found[r.last] = true
		}
		for _, loser := range r.losers {
			found[loser] = true
		}
	}
	return found
}

// unsound returns the rulings on buckets that neither have one owner nor are moving.
func (j *judgement) unsound() (list []ruling) {
	for _, r := range j.rulings {
		if r.kind != sound && r.kind != moving {
			list = append(list, r)
		}
	}
	return list
}

// strays returns the buckets whose rows on a shard nobody uses: another shard owns
// them, and no move that continues has them.
func (j *judgement) strays(shard int) []int32 {
	used := map[int32]bool{}
	for _, r := range j.reports {
		for _, mv := range r.moves {
			if (mv.Source == shard || mv.Target == shard) && !slices.Contains(j.ends, mv) {
				for _, bucket := range mv.Buckets {
					used[bucket] = true
				}
			}
		}
	}
	var strays []int32
	for _, r := range j.rulings {
		if r.keeper != nobody && r.keeper != shard && !used[r.bucket] {
			strays = append(strays, r.bucket)
		}
	}
	return strays
}

// groups collects rulings that say the same about different buckets, in the order of
// their first bucket.
func groups(rulings []ruling) (list [][]ruling) {
	for _, r := range rulings {
		at := slices.IndexFunc(list, func(g []ruling) bool {
			first := g[0]
			return first.kind == r.kind && first.keeper == r.keeper && first.last == r.last && slices.Equal(first.losers, r.losers)
		})
		if at < 0 {
			list = append(list, []ruling{r})
			continue
		}
		list[at] = append(list[at], r)
	}
	return list
}

// going returns the names of the moves that continue.
func (j *judgement) going() map[string]bool {
	names := map[string]bool{}
	for _, r := range j.reports {
		for _, mv := range r.moves {
			names[streamName(mv)] = true
		}
	}
	for _, mv := range j.ends {
		delete(names, streamName(mv))
	}
	return names
}
