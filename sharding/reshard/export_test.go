package reshard

// LeastShare is the least that a mover works.
const LeastShare = leastShare

// FixShare makes the mover work that share of its time, whatever commits take.
func (m *Mover) FixShare(share float64) { m.fixed = share }

// Slow makes the mover begin as after a move under load.
func (m *Mover) Slow() {
	for _, shard := range m.options.Map.Shards {
		m.track.shares[shard.ID] = leastShare
	}
}
