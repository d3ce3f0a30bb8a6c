package reshard

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// probeEvery is how often a commit is made to measure it. baseline is how many are
	// made before the work, one every baselineEvery.
	probeEvery    = 50 * time.Millisecond
	baseline      = 25
	baselineEvery = 10 * time.Millisecond
	// commitWithin limits the wait for one commit, and for those before the work
	// together. A slower server counts as unmeasurable.
	commitWithin = 2 * time.Second
	// wishEvery is how soon an operator's wish is noticed in the middle of the work.
	wishEvery = 4 * probeEvery
	// pieceOfReading is how long the mover reads at most before it rests.
	pieceOfReading = 10 * time.Millisecond
	// A copy cannot be slowed down. It waits until the share has grown to copyFrom
	// again, for at most heldBack.
	copyFrom = 0.5
	heldBack = 30 * time.Second
	// paceName begins the application name of a probing connection; the rest says how
	// slow the mover is there.
	paceName = "scalestack-pace "
)

// probe commits like a user's write, and waits for everything that one waits for: a
// processor, the disk and the standbys. It changes no row.
const probe = "SELECT pg_logical_emit_message(true, 'scalestack', '')"

// errPaused makes the mover start its step again when the pause is over.
var errPaused = errors.New("the operator wants a pause")

// pacing adapts the mover's own work, which it does in parts, to the load of a move's
// servers. A nil pacing does not rest.
type pacing struct {
	m  *Mover
	mv *Move
	// shards are the source and the target.
	shards [2]int

	mu    sync.Mutex
	paces [2]*pace
	ready [2]bool
	// wanted is "" until the operator's wish has been read.
	wanted Wanted

	// began is when the current part of the work began, told when the pace was last
	// reported.
	began, told time.Time
}

// paced does work in parts and probes both servers meanwhile. It must not be called
// behind a fence.
func (m *Mover) paced(ctx context.Context, f *fleet, mv *Move, work func(p *pacing) error) error {
	if m.fixed == 1 {
		return work(nil)
	}
	if f.pacing == nil {
		f.pacing = m.newPacing(mv)
	}
	p := f.pacing
	p.wanted = ""
	probing, stop := context.WithCancel(ctx)
	var probers sync.WaitGroup
	known := make(chan struct{}, len(p.shards))
	for i := range p.shards {
		probers.Go(func() { p.keepProbing(probing, i, known) })
	}
	defer func() {
		stop()
		probers.Wait()
		p.tell(true)
	}()
	p.await(ctx, known)
	p.began = time.Now()
	return work(p)
}

// await waits until both baselines are known.
func (p *pacing) await(ctx context.Context, known <-chan struct{}) {
	waiting, cancel := context.WithTimeout(ctx, commitWithin)
	defer cancel()
	for range p.shards {
		select {
		case <-known:
		case <-waiting.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, ready := range p.ready {
		if !ready {
			p.paces[i].blind()
		}
	}
}

// newPacing starts with the shares at which earlier moves on these servers ended.
func (m *Mover) newPacing(mv *Move) *pacing {
	p := &pacing{m: m, mv: mv, shards: [2]int{mv.Source, mv.Target}}
	for i, shard := range p.shards {
		p.paces[i] = &pace{share: m.track.share(shard)}
	}
	return p
}

// keepProbing probes one of the servers until the work is done, whatever happens to its
// connection.
func (p *pacing) keepProbing(ctx context.Context, i int, known chan<- struct{}) {
	told := sync.OnceFunc(func() { known <- struct{}{} })
	for {
		err := p.probe(ctx, i, told)
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		p.paces[i].blind()
		p.mu.Unlock()
		p.m.options.Log.Debug("cannot measure commits", "shard", p.shards[i], "error", err.Error())
		told()
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func (p *pacing) probe(ctx context.Context, i int, known func()) error {
	config, err := p.m.options.Connect(p.m.options.Map.Shard(p.shards[i]))
	if err != nil {
		return err
	}
	maps.Copy(config.RuntimeParams, sessionSettings)
	config.RuntimeParams["application_name"] = paceName
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer bye(conn)
	if !p.ready[i] {
		if err := p.before(ctx, conn, i); err != nil {
			return err
		}
	}
	known()
	shown, asked := "", time.Time{}
	return poll(ctx, probeEvery, func() (bool, error) {
		took, err := timed(ctx, conn)
		if err != nil {
			return false, err
		}
		p.mu.Lock()
		p.paces[i].took(time.Now(), took, probeEvery)
		text := p.paces[i].String()
		p.mu.Unlock()
		if text != shown {
			if _, err := conn.Exec(ctx, "SELECT set_config('application_name', $1, false)", paceName+text); err != nil {
				return false, err
			}
			shown = text
		}
		if i > 0 || time.Since(asked) < wishEvery {
			return false, nil
		}
		asked = time.Now()
		wanted, err := readWanted(ctx, conn, p.mv)
		p.mu.Lock()
		defer p.mu.Unlock()
		if err == nil {
			p.wanted = wanted
		}
		return false, err
	})
}

// before measures commits before the mover's first work in parts.
func (p *pacing) before(ctx context.Context, conn *pgx.Conn, i int) error {
	var times []time.Duration
	err := poll(ctx, baselineEvery, func() (bool, error) {
		took, err := timed(ctx, conn)
		times = append(times, took)
		return len(times) == baseline, err
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready[i] = true
	p.paces[i].known(times)
	return nil
}

// timed ends after commitWithin, not with the work: the server would log an interrupted
// statement.
func timed(ctx context.Context, conn *pgx.Conn) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	began := time.Now()
	_, err := conn.Exec(ctx, probe)
	return time.Since(began), err
}

// share is that of the slower server.
func (p *pacing) share() float64 {
	if p == nil {
		return 1
	}
	if p.m.fixed > 0 {
		return p.m.fixed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(p.paces[0].share, p.paces[1].share)
}

// calm reports whether commits were measured during work on the move and neither server
// slows it down. A statement that is already running cannot be slowed down.
func (p *pacing) calm() bool {
	if p == nil {
		return true
	}
	full := p.share() == 1
	p.mu.Lock()
	defer p.mu.Unlock()
	return full && p.paces[0].now > 0 && p.paces[1].now > 0
}

// wish returns an error if the operator does not want the work to continue.
func (p *pacing) wish() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.wanted == "":
		return nil
	case p.mv.State == Returning && p.wanted != WantAbort:
		return errStay
	case !p.mv.State.canAbort():
		return nil
	case p.wanted == WantAbort:
		return errUnwanted
	case p.wanted == WantPause:
		return errPaused
	}
	return nil
}

// rest rests after a part of the work; meanwhile may use the time.
func (p *pacing) rest(ctx context.Context, meanwhile func(context.Context) error) error {
	if p == nil {
		return ctx.Err()
	}
	if err := p.wish(); err != nil {
		return err
	}
	p.tell(false)
	pause := restAfter(time.Since(p.began), p.share())
	defer func() { p.began = time.Now() }()
	if pause <= 0 {
		return nil
	}
	p.m.track.metrics.rested.Add(pause.Seconds())
	resting, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	if err := meanwhile(resting); err != nil {
		return err
	}
	<-resting.Done()
	return ctx.Err()
}

// idle is for rests with nothing to do.
func idle(context.Context) error { return nil }

// read rests once enough was read.
func (p *pacing) read(ctx context.Context, meanwhile func(context.Context) error) error {
	if p == nil || time.Since(p.began) < pieceOfReading {
		return nil
	}
	return p.rest(ctx, meanwhile)
}

// holdCopy waits until commits have been fast for a while.
func (m *Mover) holdCopy(ctx context.Context, f *fleet, mv *Move) error {
	if m.fixed > 0 || min(m.track.share(mv.Source), m.track.share(mv.Target)) >= copyFrom {
		return nil
	}
	return m.paced(ctx, f, mv, func(p *pacing) error {
		m.log(mv).Info("the copy waits until commits are calm", "at_most", heldBack.String())
		until := time.Now().Add(heldBack)
		return poll(ctx, probeEvery, func() (bool, error) {
			p.tell(false)
			return p.share() >= copyFrom || time.Now().After(until), p.wish()
		})
	})
}

// tell reports how fast the mover works; at the end of the work it passes the share on
// to the next move.
func (p *pacing) tell(end bool) {
	if !end && time.Since(p.told) < sampleEvery {
		return
	}
	p.told = time.Now()
	p.mu.Lock()
	paces := map[int]pace{p.shards[0]: *p.paces[0], p.shards[1]: *p.paces[1]}
	p.mu.Unlock()
	text := map[int]string{}
	for id, one := range paces {
		if !end {
			text[id] = one.String()
		}
	}
	p.m.track.paced(p.mv, paces, p.m.slowness(p.mv, text))
}

// readPace asks a server how slow a mover is there, "" for full speed.
func readPace(ctx context.Context, q querier) (text string, err error) {
	err = q.QueryRow(ctx, "SELECT coalesce(max(substr(application_name, $2)), '') FROM pg_stat_activity WHERE starts_with(application_name, $1)",
		paceName, len(paceName)+1).Scan(&text)
	return text, err
}

// slowness names the shards of a move on which the mover is slowed down.
func (m *Mover) slowness(mv *Move, on map[int]string) string {
	var parts []string
	for _, id := range []int{mv.Source, mv.Target} {
		if shard := m.options.Map.Shard(id); shard != nil && on[id] != "" {
			parts = append(parts, shard.Name+" "+on[id])
		}
	}
	return strings.Join(parts, ", ")
}
