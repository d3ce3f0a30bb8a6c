package reshard_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// paceVariable is the number of rows of a kilobyte of which a move takes half.
const paceVariable = "SCALESTACK_MEASURE_PACE"

// phaseOf names what the mover does in a state.
var phaseOf = map[string]string{"prepared": "copying", "caught up": "comparing", "observed": "deleting", "switched": "observing"}

// TestMeasurePace moves half of a shard there and back under load, by a mover that follows
// the load and by one that does not, and compares what users felt in each phase: make
// bench-pace.
func TestMeasurePace(t *testing.T) {
	rows := environment(t, paceVariable, 0)
	if rows == 0 {
		t.Skipf("a measurement and no test: set %s to the number of rows", paceVariable)
	}
	const existing = 8_000
	c := startCluster(t, 2, existing)
	c.Servers[0].Exec(pgtest.Database(0), fmt.Sprintf(`SET session_replication_role = replica;
		INSERT INTO accounts (user_id, name, email) SELECT id * 2, repeat('x', 900), id || '@example.com' FROM generate_series(10000000, 10000000 + %d) AS id;
		ANALYZE accounts`, rows))
	l := startLoad(t, c.store(), existing)
	probes := c.startProbes()
	began := time.Now()
	time.Sleep(5 * time.Second)
	phases := []phase{{"calm", began, time.Now()}}
	for n, how := range slices.Repeat([]string{"unpaced", "paced", "paced", "unpaced"}, 2) {
		phases = append(phases, c.moveHalf(n, how)...)
	}
	probes.stop()
	c.requireClean()
	l.end(c)
	for _, one := range l.latencies {
		probes.note("operations", one.at, one.took)
	}
	var names []string
	for _, one := range phases {
		names = append(names, one.name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		probes.report(name, slices.DeleteFunc(slices.Clone(phases), func(p phase) bool { return p.name != name }))
	}
}

type phase struct {
	name     string
	from, to time.Time
}

// moveHalf moves every second bucket of shard 0 to shard 1, or back.
func (c *cluster) moveHalf(n int, how string) (phases []phase) {
	c.t.Helper()
	m := *c.Map
	m.Assignment = shardmap.Base(buckets, 2)
	source := n % 2
	for bucket := 0; bucket < buckets; bucket += 4 {
		m.Assignment[bucket] = 1 - source
	}
	p := c.startProcess(moverArgs{Map: &m, Shards: c.Admin, Observe: time.Second, Lease: lease, Unpaced: how == "unpaced", Batch: buckets})
	ended := make(chan bool, 1)
	go func() { ended <- p.wait(c.t) }()
	conn := c.Servers[source].Admin(pgtest.Database(source))
	defer conn.Close(context.Background())
	last := ""
	for {
		var state string
		require.NoError(c.t, conn.QueryRow(c.t.Context(), "SELECT coalesce((SELECT state FROM scalestack.move ORDER BY id DESC LIMIT 1), '')").Scan(&state))
		if now := time.Now(); state != last {
			if len(phases) > 0 && phases[len(phases)-1].to.IsZero() {
				phases[len(phases)-1].to = now
			}
			if name := phaseOf[state]; name != "" {
				phases = append(phases, phase{name: name + ", " + how, from: now})
			}
			last = state
		}
		select {
		case ok := <-ended:
			require.True(c.t, ok, "%s", p.output.String())
			if i := len(phases) - 1; i >= 0 && phases[i].to.IsZero() {
				phases[i].to = time.Now()
			}
			return phases
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// probes are what a mover could ask to know what users feel.
type probes struct {
	c       *cluster
	stop    func()
	mu      sync.Mutex
	samples map[string][]sample
}

// sample is a time, or a number times a second.
type sample struct {
	at    time.Time
	value time.Duration
}

func (c *cluster) startProbes() *probes {
	ctx, cancel := context.WithCancel(c.t.Context())
	p := &probes{c: c, samples: map[string][]sample{}}
	var running sync.WaitGroup
	for id := range c.Servers {
		conn := c.Servers[id].Admin(pgtest.Database(id))
		running.Go(func() {
			defer conn.Close(context.Background())
			for ctx.Err() == nil {
				p.ask(conn)
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	p.stop = func() { cancel(); running.Wait() }
	return p
}

func (p *probes) note(name string, at time.Time, value time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.samples[name] = append(p.samples[name], sample{at, value})
}

func (p *probes) ask(conn *pgx.Conn) {
	for name, sql := range map[string]string{
		"commits": "SELECT 1 FROM pg_logical_emit_message(true, 'scalestack', '')",
		"queries": "SELECT 1",
		"active":  "SELECT count(*)::int FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend' AND application_name = 'load'",
	} {
		began, number := time.Now(), 0
		if err := conn.QueryRow(context.Background(), sql).Scan(&number); err != nil {
			continue
		}
		value := time.Since(began)
		if name == "active" {
			value = time.Duration(number) * time.Second
		}
		p.note(name, time.Now(), value)
	}
}

// within are the values of a series in some phases.
func (p *probes) within(what string, phases ...phase) (values []time.Duration) {
	for _, s := range p.samples[what] {
		if slices.ContainsFunc(phases, func(one phase) bool { return s.at.After(one.from) && s.at.Before(one.to) }) {
			values = append(values, s.value)
		}
	}
	return values
}

func (p *probes) report(name string, phases []phase) {
	took, turns := time.Duration(0), []time.Duration{}
	for _, one := range phases {
		took += one.to.Sub(one.from)
		turns = append(turns, quantile(p.within("operations", one), 0.99))
	}
	active := time.Duration(0)
	for _, number := range p.within("active", phases...) {
		active += number
	}
	p.c.t.Logf("%s: %.1f s; p99 of operations in each turn %v, median %s", name, took.Seconds(), turns, quantile(slices.Clone(turns), 0.5))
	for _, what := range []string{"operations", "commits", "queries"} {
		values := p.within(what, phases...)
		p.c.t.Logf("%s: %d %s, p50 %s, p99 %s", name, len(values), what, quantile(values, 0.5), quantile(values, 0.99))
	}
	p.c.t.Logf("%s: %.2f sessions of users active on a server", name, active.Seconds()/float64(max(1, len(p.within("active", phases...)))))
}

func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))].Round(100 * time.Microsecond)
}
