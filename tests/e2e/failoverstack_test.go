//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// failoverStack is a stack of its own whose shard gets members.
type failoverStack struct{ ownStack }

const (
	failoverName = "failover"
	patroniImage = "scalestack/postgres:16.2-patroni-4.1.5-barman-3.19.1"
)

func newFailoverStack(t *testing.T) failoverStack {
	t.Helper()
	return failoverStack{newOwnStack(t, failoverName, "failoverstack.yaml")}
}

// up deploys the stack with so many members.
func (s failoverStack) up(members int) {
	s.Helper()
	began := time.Now()
	s.setMembers(members)
	s.deploy()
	s.Logf("deployed with members %d in %s", members, time.Since(began).Round(time.Second))
}

func (s failoverStack) setMembers(members int) {
	s.Helper()
	if members > 1 {
		s.set(map[string]string{"scalestack:postgres.members": fmt.Sprint(members), "scalestack:postgres.image": patroniImage})
	}
}

const pulseName = "pulse"

// pulse writes new users one after the other in a few clients, and knows when each was acknowledged.
type pulse struct {
	base string
	http http.Client

	mu    sync.Mutex
	next  int64
	times []time.Time
	ids   []int64
	// failures are the times at which writes were found to have failed.
	failures []time.Time
}

func newPulse(t *testing.T, base string) *pulse {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	return &pulse{base: base, http: http.Client{Timeout: 2 * time.Second, Transport: transport}, next: 30_000_000}
}

// writeOne writes one user; a write that fails is not repeated.
func (p *pulse) writeOne() error {
	p.mu.Lock()
	id := p.next
	p.next++
	p.mu.Unlock()
	err := p.write(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failures = append(p.failures, time.Now())
		return err
	}
	p.times, p.ids = append(p.times, time.Now()), append(p.ids, id)
	return nil
}

func (p *pulse) write(id int64) error {
	body := bytes.NewBufferString(`{"name":"` + pulseName + `","email":"pulse@example.com"}`)
	request, err := http.NewRequest(http.MethodPut, fmt.Sprintf("%s/users/%d", p.base, id), body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("PUT user %d: %s", id, response.Status)
	}
	return nil
}

// start lets four clients write until the returned function is called.
func (p *pulse) start() (stop func()) {
	return repeat(4, 100*time.Millisecond, func() { _ = p.writeOne() })
}

// repeat lets so many workers do something over and over, with a pause before each time, until the returned function is
// called, which waits for their last.
func repeat(workers int, pause time.Duration, do func()) (stop func()) {
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(pause):
					do()
				}
			}
		})
	}
	return sync.OnceFunc(func() {
		close(done)
		wait.Wait()
	})
}

func (p *pulse) acknowledged() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ids)
}

// pauseAfter is the longest time without an acknowledged write since a moment, the time until now included.
func (p *pulse) pauseAfter(began time.Time) time.Duration {
	longest, _ := p.longestPause(began)
	return longest
}

// longestPause is the longest time without an acknowledged write since a moment, the time until now included, and its end.
func (p *pulse) longestPause(began time.Time) (longest time.Duration, end time.Time) {
	return p.longestPauseOf(began, func(int64) bool { return true })
}

// longestPauseOf looks at some users' writes alone.
func (p *pulse) longestPauseOf(began time.Time, whose func(id int64) bool) (longest time.Duration, end time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := began
	for i, at := range append(slices.Clone(p.times), time.Now()) {
		if at.Before(began) || i < len(p.ids) && !whose(p.ids[i]) {
			continue
		}
		if at.Sub(last) > longest {
			longest, end = at.Sub(last), at
		}
		last = at
	}
	return longest, end
}

// failedAfter is how many writes failed since a moment, how many were acknowledged, and when the last failed.
func (p *pulse) failedAfter(began time.Time) (failed, acknowledged int, last time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.failures {
		if at.After(began) {
			failed, last = failed+1, at
		}
	}
	for _, at := range p.times {
		if at.After(began) {
			acknowledged++
		}
	}
	return failed, acknowledged, last
}
