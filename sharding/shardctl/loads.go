package shardctl

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/sharding/reshard"
)

// loads holds the last figures on how busy the shards' servers are.
type loads struct {
	last atomic.Pointer[[]reshard.Observation]
}

func (l *loads) set(all []reshard.Observation) { l.last.Store(&all) }

// figure is one metric of a shard's load.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(reshard.Load) int64
	// label is the value of the second label, if there is one.
	label string
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("scalestack_shard_"+name, help, append([]string{"shard"}, labels...), nil)
}

var (
	transactions = describe("transactions_total", "Transactions of the shard's database by outcome: commit, rollback.", "outcome")
	blocks       = describe("blocks_total", "Blocks that statements asked for, by where they were: buffers, or not in buffers (disk).", "from")

	slotHeld   = describe("slot_held_bytes", "Bytes of the log that stay on the disk for a replication slot.", "slot")
	slotActive = describe("slot_active", "1 while somebody reads from the replication slot.", "slot")
	slotLost   = describe("slot_lost", "1 for a replication slot whose log is gone.", "slot")
	slotLimit  = describe("slot_limit_bytes", "How many bytes of the log a slot may hold back before it is lost.")

	figures = []figure{
		{describe("connections", "Sessions on the shard, with parallel workers and those of subscriptions."), prometheus.GaugeValue,
			func(l reshard.Load) int64 { return l.Connections }, ""},
		{describe("connections_max", "Sessions that the shard gives to roles other than superusers."), prometheus.GaugeValue,
			func(l reshard.Load) int64 { return l.MaxConnections }, ""},
		{describe("database_bytes", "Bytes of the shard's database on disk, without the log."), prometheus.GaugeValue,
			func(l reshard.Load) int64 { return l.DatabaseBytes }, ""},
		{describe("deadlocks_total", "Deadlocks that the server broke."), prometheus.CounterValue,
			func(l reshard.Load) int64 { return l.Deadlocks }, ""},
		{describe("temporary_bytes_total", "Bytes written because work_mem did not suffice."), prometheus.CounterValue,
			func(l reshard.Load) int64 { return l.TemporaryBytes }, ""},
		{describe("timeline", "Timeline of the shard's log: a higher one than before is a standby that took over, or a restore."), prometheus.GaugeValue,
			func(l reshard.Load) int64 { return l.Timeline }, ""},
		{describe("standbys", "Standbys that follow the shard's primary by a replication slot."), prometheus.GaugeValue,
			func(l reshard.Load) int64 { return l.Standbys }, ""},
		{transactions, prometheus.CounterValue, func(l reshard.Load) int64 { return l.Commits }, "commit"},
		{transactions, prometheus.CounterValue, func(l reshard.Load) int64 { return l.Rollbacks }, "rollback"},
		{blocks, prometheus.CounterValue, func(l reshard.Load) int64 { return l.BlocksHit }, "buffers"},
		{blocks, prometheus.CounterValue, func(l reshard.Load) int64 { return l.BlocksRead }, "disk"},
	}
)

// Describe sends nothing, because the set of slots changes.
func (*loads) Describe(chan<- *prometheus.Desc) {}

// Collect leaves out shards that did not answer: an old figure would look like a calm
// shard.
func (l *loads) Collect(ch chan<- prometheus.Metric) {
	all := l.last.Load()
	if all == nil {
		return
	}
	for _, o := range *all {
		if o.Err == nil {
			collect(ch, o.Shard.Name, o.Load)
		}
	}
}

func collect(ch chan<- prometheus.Metric, shard string, load reshard.Load) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, kind, float64(value), append([]string{shard}, labels...)...)
	}
	for _, f := range figures {
		if f.label == "" {
			send(f.desc, f.kind, f.value(load))
		} else {
			send(f.desc, f.kind, f.value(load), f.label)
		}
	}
	if load.SlotLimitBytes >= 0 {
		send(slotLimit, prometheus.GaugeValue, load.SlotLimitBytes)
	}
	for _, slot := range load.Slots {
		send(slotHeld, prometheus.GaugeValue, slot.HeldBytes, slot.Name)
		send(slotActive, prometheus.GaugeValue, oneIf(slot.Active), slot.Name)
		send(slotLost, prometheus.GaugeValue, oneIf(slot.Lost), slot.Name)
	}
}

func oneIf(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
