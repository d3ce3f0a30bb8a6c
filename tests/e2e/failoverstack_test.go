//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// failoverStack is a stack of the program beside dev, in a namespace of its own.
type failoverStack struct {
	*testing.T
	config string
}

const (
	failoverName = "failover"
	patroniImage = "scalestack/postgres:16.2-patroni-4.1.5"
)

// newFailoverStack makes the stack and removes it, its namespace and its volumes when the test ends. KEEP leaves them.
func newFailoverStack(t *testing.T) failoverStack {
	t.Helper()
	// A stack other than dev must not have dev's passphrase, which is public.
	t.Setenv("PULUMI_CONFIG_PASSPHRASE", failoverName)
	before := stackName
	stackName = failoverName
	file, err := filepath.Abs(filepath.Join(repo, "Pulumi."+failoverName+".yaml"))
	require.NoError(t, err)
	s := failoverStack{t, file}
	t.Cleanup(func() {
		if os.Getenv("KEEP") == "" {
			s.remove()
		}
		stackName = before
	})
	command(t, "pulumi", "stack", "init", failoverName, "--no-select", "--non-interactive")
	salt, err := os.ReadFile(file)
	require.NoError(t, err)
	settings, err := os.ReadFile("failoverstack.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(append(salt, "config:\n"...), settings...), 0o600))
	return s
}

func (s failoverStack) pulumi(args ...string) {
	pulumi(s.T, append(args, "--config-file", s.config)...)
}

// up deploys the stack with so many members.
func (s failoverStack) up(members int) {
	s.Helper()
	began := time.Now()
	if members > 1 {
		for path, value := range map[string]string{"members": fmt.Sprint(members), "image": patroniImage} {
			s.pulumi("config", "set", "--path", "scalestack:postgres."+path, value)
		}
	}
	s.pulumi("up", "--yes", "--skip-preview")
	s.Logf("deployed with members %d in %s", members, time.Since(began).Round(time.Second))
}

func (s failoverStack) remove() {
	for _, args := range [][]string{
		{"pulumi", "destroy", "--yes", "--skip-preview", "--stack", failoverName, "--non-interactive", "--config-file", s.config},
		{"kubectl", "delete", "namespace", failoverName, "--ignore-not-found", "--timeout=120s"},
		{"pulumi", "stack", "rm", failoverName, "--yes", "--force", "--non-interactive"},
	} {
		text, err := try(s.T, args[0], args[1:]...)
		require.NoError(s, err, text)
	}
	_ = os.Remove(s.config)
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times, p.ids = append(p.times, time.Now()), append(p.ids, id)
	return nil
}

// start lets four clients write until the returned function is called.
func (p *pulse) start() (stop func()) {
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(100 * time.Millisecond):
					_ = p.writeOne()
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
	p.mu.Lock()
	defer p.mu.Unlock()
	last, longest := began, time.Duration(0)
	for _, at := range append(slices.Clone(p.times), time.Now()) {
		if at.After(began) {
			longest, last = max(longest, at.Sub(last)), at
		}
	}
	return longest
}
