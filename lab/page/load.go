package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A load is bounded, whatever the button is asked for.
const (
	loadRequests = 6000
	loadRate     = 100 // a second
	loadClients  = 8
	loadLimit    = 2 * time.Minute
	// loadUsers are the first ids that the load reads and writes.
	loadUsers = 2000
)

var errBusy = errors.New("a load is running")

// load sends requests to the service: three reads to a write, and a static file through
// the edge with every tenth.
type load struct {
	http          *http.Client
	service, edge string

	mu           sync.Mutex
	running      bool
	stop         context.CancelFunc
	done, failed atomic.Int64
}

func (l *load) state() LoadState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LoadState{Running: l.running, Done: l.done.Load(), Failed: l.failed.Load(), Of: loadRequests}
}

func (l *load) start() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running {
		return errBusy
	}
	var ctx context.Context
	ctx, l.stop = context.WithTimeout(context.Background(), loadLimit)
	l.running = true
	l.done.Store(0)
	l.failed.Store(0)
	go l.run(ctx)
	return nil
}

func (l *load) halt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running {
		l.stop()
	}
}

func (l *load) run(ctx context.Context) {
	ticks := make(chan int)
	var clients sync.WaitGroup
	for range loadClients {
		clients.Go(func() {
			for i := range ticks {
				l.one(ctx, i)
			}
		})
	}
	l.pace(ctx, ticks)
	close(ticks)
	clients.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = false
	l.stop()
}

func (l *load) pace(ctx context.Context, ticks chan<- int) {
	ticker := time.NewTicker(time.Second / loadRate)
	defer ticker.Stop()
	for i := range loadRequests {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case <-ctx.Done():
			return
		case ticks <- i:
		}
	}
}

func (l *load) one(ctx context.Context, i int) {
	request, err := l.request(ctx, i)
	if err == nil {
		err = l.send(request)
	}
	if err != nil && ctx.Err() == nil {
		l.failed.Add(1)
	}
	l.done.Add(1)
}

func (l *load) request(ctx context.Context, i int) (*http.Request, error) {
	user := rand.IntN(loadUsers)
	switch {
	case i%10 == 9:
		return http.NewRequestWithContext(ctx, http.MethodGet, l.edge+"/static/app.css", nil)
	case i%4 == 0:
		body := fmt.Sprintf(`{"name":"Visitor %d","email":"visitor-%d@example.com"}`, user, user)
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, fmt.Sprintf("%s/users/%d", l.service, user), strings.NewReader(body))
		if err == nil {
			request.Header.Set("Content-Type", "application/json")
		}
		return request, err
	default:
		return http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/users/%d", l.service, user), nil)
	}
}

// send fails on what the server is to blame for; an absent user is no failure.
func (l *load) send(request *http.Request) error {
	response, err := l.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode >= http.StatusInternalServerError {
		return errors.New(response.Status)
	}
	return err
}
