package reshard

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// copyOf is what a shard has of a bucket's rows: how many writes are in them, and whether
// they are all rows of one moment.
type copyOf struct {
	writes int
	whole  bool
}

// model is a shard without a database.
type model struct {
	holdings map[int32]holding
	// since is when the shard got a bucket, by the clock of the world.
	since map[int32]int
	rows  map[int32]copyOf
	moves map[int64]*Move
	// pending are restores that nobody has reconciled.
	pending []string
	// timeline changes with each restore.
	timeline int
}

func (m *model) clone() *model {
	c := *m
	c.holdings, c.since, c.rows, c.pending = maps.Clone(m.holdings), maps.Clone(m.since), maps.Clone(m.rows), slices.Clone(m.pending)
	c.moves = map[int64]*Move{}
	for id, mv := range m.moves {
		moved := *mv
		c.moves[id] = &moved
	}
	return &c
}

// world is some shards, a mover that is killed and started again at will, and all that the
// shards ever were.
type world struct {
	random  *rand.Rand
	buckets int
	shards  []*model
	past    [][]*model
	clock   int
	restore int
	// made are the timelines of both ends with which a move's stream was made.
	made map[string][2]int
}

func newWorld(random *rand.Rand, shards, buckets int) *world {
	w := &world{random: random, buckets: buckets, past: make([][]*model, shards), made: map[string][2]int{}}
	for id := range shards {
		m := &model{holdings: map[int32]holding{}, since: map[int32]int{}, rows: map[int32]copyOf{}, moves: map[int64]*Move{}}
		for bucket := int32(id); bucket < int32(buckets); bucket += int32(shards) {
			m.holdings[bucket] = holding{bucket, "owned", 1, id}
			m.rows[bucket] = copyOf{1, true}
		}
		w.shards = append(w.shards, m)
	}
	return w
}

func (w *world) reports() (list []report) {
	for id, m := range w.shards {
		r := report{shard: id, holdings: maps.Clone(m.holdings), restores: slices.Clone(m.pending)}
		for _, id := range slices.Sorted(maps.Keys(m.moves)) {
			if mv := *m.moves[id]; !mv.State.Done() {
				r.moves = append(r.moves, &mv)
			}
		}
		list = append(list, r)
	}
	return list
}

func (w *world) judge(give map[int32]int) *judgement {
	return judge(w.buckets, w.reports(), give, int64(w.clock))
}

// step is a write, or what the mover does next.
func (w *world) step() {
	w.clock++
	for id, m := range w.shards {
		w.past[id] = append(w.past[id], m.clone())
	}
	if w.random.IntN(3) == 0 {
		w.write(int32(w.random.IntN(w.buckets)))
		return
	}
	for _, m := range w.shards {
		for _, id := range slices.Sorted(maps.Keys(m.moves)) {
			if mv := m.moves[id]; !mv.State.Done() {
				w.advance(mv)
				return
			}
		}
	}
	w.begin()
}

func (w *world) write(bucket int32) {
	for id, m := range w.shards {
		h := m.holdings[bucket]
		if h.State == "fenced" {
			m.own(bucket, id, h.Epoch+1)
		}
		if m.holdings[bucket].State != "owned" {
			continue
		}
		m.rows[bucket] = copyOf{m.rows[bucket].writes + 1, true}
		for _, other := range w.shards {
			for _, mv := range other.moves {
				w.follow(mv, bucket, id)
			}
		}
	}
}

// follow is what the streams of a move bring to its other end.
func (w *world) follow(mv *Move, bucket int32, from int) {
	if !slices.Contains(mv.Buckets, bucket) || w.cut(mv) {
		return
	}
	switch mv.State {
	case Copied, CaughtUp, Verified, Armed, Fenced, Drained:
		if from == mv.Source {
			w.shards[mv.Target].rows[bucket] = w.shards[from].rows[bucket]
		}
	case HandedOver, Switched, Returning:
		if from == mv.Target {
			w.shards[mv.Source].rows[bucket] = w.shards[from].rows[bucket]
		}
	}
}

func (w *world) cut(mv *Move) bool {
	return w.made[mv.String()] != [2]int{w.shards[mv.Source].timeline, w.shards[mv.Target].timeline}
}

func (m *model) own(bucket int32, shard int, epoch int64) {
	m.holdings[bucket] = holding{bucket, "owned", epoch, shard}
}

func (w *world) begin() {
	source := w.random.IntN(len(w.shards))
	target := (source + 1 + w.random.IntN(len(w.shards)-1)) % len(w.shards)
	m := w.shards[source]
	var buckets []int32
	for bucket := range int32(w.buckets) {
		if m.holdings[bucket].State == "owned" && w.random.IntN(3) > 0 {
			buckets = append(buckets, bucket)
		}
	}
	if buckets == nil {
		return
	}
	id := int64(len(m.moves) + 1)
	mv := &Move{ID: id, Source: source, Target: target, Buckets: buckets, State: Planned}
	m.moves[id] = mv
}

// advance does what the mover's steps do to ownership and rows.
func (w *world) advance(mv *Move) {
	source, target := w.shards[mv.Source], w.shards[mv.Target]
	early := mv.State.canAbort()
	if early && (w.random.IntN(12) == 0 || mv.State != Planned && w.cut(mv)) {
		w.change(source, mv.Buckets, "fenced", "owned", mv.Source)
		mv.State = Aborting
		return
	}
	switch mv.State {
	case Planned:
		w.made[mv.String()] = [2]int{source.timeline, target.timeline}
		for _, bucket := range mv.Buckets {
			target.rows[bucket] = copyOf{source.rows[bucket].writes, false}
		}
		mv.State = Prepared
	case Prepared:
		w.copyRows(source, target, mv.Buckets)
		mv.State = Copied
	case Armed:
		w.change(source, mv.Buckets, "owned", "fenced", mv.Source)
		mv.State = Fenced
	case Drained:
		if slices.ContainsFunc(mv.Buckets, func(b int32) bool { return source.holdings[b].State != "fenced" }) {
			w.change(source, mv.Buckets, "fenced", "owned", mv.Source)
			mv.State = CaughtUp
			return
		}
		w.change(source, mv.Buckets, "fenced", "moved", mv.Target)
		mv.State = HandedOver
	case HandedOver:
		w.takeOver(mv)
	case Switched:
		if w.random.IntN(4) == 0 && !w.cut(mv) {
			mv.State = Returning
			return
		}
		mv.State = Observed
	case Observed:
		w.purge(source, mv, Complete)
	case Aborting:
		w.purge(target, mv, Aborted)
	case Returning:
		w.giveBack(mv)
	case Returned:
		w.purge(target, mv, RolledBack)
	default:
		mv.State = forward[slices.Index(forward, mv.State)+1]
	}
}

var forward = []State{Copied, CaughtUp, Verified, Armed, Fenced, Drained}

func (w *world) copyRows(from, to *model, buckets []int32) {
	for _, bucket := range buckets {
		to.rows[bucket] = from.rows[bucket]
	}
}

// change is every change of a state, one epoch further.
func (w *world) change(m *model, buckets []int32, from, to string, owner int) {
	for _, bucket := range buckets {
		if h := m.holdings[bucket]; h.State == from {
			m.holdings[bucket] = holding{bucket, to, h.Epoch + 1, owner}
			if from == "moved" {
				m.since[bucket] = w.clock
			}
		}
	}
}

func (w *world) claim(giver *model, taker int, buckets []int32) {
	for _, bucket := range buckets {
		w.shards[taker].own(bucket, taker, giver.holdings[bucket].Epoch+1)
		w.shards[taker].since[bucket] = w.clock
	}
}

// takeOver has two steps: the target's claim, and the word of it in the source.
func (w *world) takeOver(mv *Move) {
	source, target := w.shards[mv.Source], w.shards[mv.Target]
	if target.holdings[mv.Buckets[0]].here() {
		mv.State = Switched
		return
	}
	if w.cut(mv) {
		w.change(source, mv.Buckets, "moved", "owned", mv.Source)
		mv.State = Aborting
		return
	}
	w.claim(source, mv.Target, mv.Buckets)
}

func (w *world) giveBack(mv *Move) {
	target := w.shards[mv.Target]
	switch target.holdings[mv.Buckets[0]].State {
	case "owned":
		if w.cut(mv) {
			mv.State = Switched
			return
		}
		w.change(target, mv.Buckets, "owned", "fenced", mv.Target)
	case "fenced":
		if slices.ContainsFunc(mv.Buckets, func(b int32) bool { return target.holdings[b].State != "fenced" }) || w.cut(mv) {
			w.change(target, mv.Buckets, "fenced", "owned", mv.Target)
			return
		}
		w.change(target, mv.Buckets, "fenced", "moved", mv.Source)
	default:
		if w.cut(mv) {
			w.change(target, mv.Buckets, "moved", "owned", mv.Target)
			return
		}
		w.claim(target, mv.Source, mv.Buckets)
		mv.State = Returned
	}
}

// purge may be killed when some of the rows are gone.
func (w *world) purge(m *model, mv *Move, last State) {
	for _, bucket := range mv.Buckets {
		c, there := m.rows[bucket]
		if there && c.whole && w.random.IntN(2) == 0 {
			m.rows[bucket] = copyOf{c.writes, false}
			return
		}
		delete(m.rows, bucket)
	}
	mv.State = last
}

// takeToPast restores some shards to some moments of any of their histories.
func (w *world) takeToPast() {
	w.restore++
	for id := range w.shards {
		if w.random.IntN(2) == 0 {
			continue
		}
		timeline := w.restore*100 + id
		restored := w.past[id][w.random.IntN(len(w.past[id]))].clone()
		restored.timeline = timeline
		restored.pending = append(restored.pending, fmt.Sprintf("r%d", w.restore))
		w.shards[id] = restored
	}
}

// apply does what a reconciliation does, until it has made so many changes.
func (w *world) apply(j *judgement, most int) (complete bool) {
	drops, claims := j.writes()
	changes := 0
	may := func() bool { changes++; return changes <= most }
	for id, m := range w.shards {
		if drops[id] == nil {
			continue
		}
		if !may() {
			return false
		}
		for _, d := range drops[id] {
			m.holdings[d.bucket] = holding{d.bucket, "moved", d.epoch, d.owner}
		}
	}
	for id, m := range w.shards {
		if !may() {
			return false
		}
		for _, c := range claims[id] {
			// What was decided now is later than all histories that a restore has cut off.
			m.since[c.bucket] = w.clock
			m.own(c.bucket, id, c.epoch)
		}
		for _, mv := range j.ends {
			if mv.Source == id {
				m.moves[mv.ID].State = Aborted
			}
		}
	}
	for _, m := range w.shards {
		if !may() {
			return false
		}
		m.pending = nil
	}
	for id, m := range w.shards {
		for _, bucket := range j.strays(id) {
			if !may() {
				return false
			}
			delete(m.rows, bucket)
		}
	}
	return true
}

// changeMind gives some of the buckets that are still to be decided to other shards.
func (w *world) changeMind(give map[int32]int) {
	j := w.judge(nil)
	for _, bucket := range slices.Sorted(maps.Keys(give)) {
		if !j.rulings[bucket].kind.givable() || w.random.IntN(2) == 0 {
			continue
		}
		to := w.random.IntN(len(w.shards))
		give[bucket] = to
		w.shards[to].rows[bucket] = copyOf{w.shards[to].rows[bucket].writes, true}
	}
}

// tell says what each shard knows of a bucket, for a failing test.
func (w *world) tell(bucket int32) string {
	text := ""
	for id, m := range w.shards {
		text += fmt.Sprintf("\nshard %d: %+v since %d, rows %+v, pending %v", id, m.holdings[bucket], m.since[bucket], m.rows[bucket], m.pending)
		for _, mv := range m.moves {
			if slices.Contains(mv.Buckets, bucket) && !mv.State.Done() {
				text += fmt.Sprintf(", %s %s cut %t", mv, mv.State, w.cut(mv))
			}
		}
	}
	return text
}
