package router_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

const (
	// fanOutVariable has the numbers of shards, separated by blanks.
	fanOutVariable  = "SCALESTACK_MEASURE_FANOUT"
	fanOutServers   = 4
	fanOutRounds    = 5
	fanOutQuestions = 200
	// lateBy is how late each answer of the slow shard comes.
	lateBy   = 20 * time.Millisecond
	deadline = 500 * time.Millisecond
	coldTime = 30 * time.Second
)

var question = router.Scalar[int64]("SELECT count(*) FROM accounts WHERE scalestack.owned(user_id)")

// TestMeasureFanOut compares questions to all shards with the same question to the
// slowest of them alone, in turns.
func TestMeasureFanOut(t *testing.T) {
	text := os.Getenv(fanOutVariable)
	if text == "" {
		t.Skipf("a measurement and no test: set %s to numbers of shards", fanOutVariable)
	}
	for _, field := range strings.Fields(text) {
		n, err := strconv.Atoi(field)
		require.NoError(t, err)
		t.Run(field, func(t *testing.T) { measureFanOut(t, n) })
	}
}

func measureFanOut(t *testing.T, n int) {
	shards := pgtest.SpreadShards(t, min(fanOutServers, n), n)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	shardtest.Migrate(t, ctx, shards, accounts.Schema())
	cold(t, shards)
	goroutines := runtime.NumGoroutine()
	slow := pgtest.StartProxy(t, shards.Map.Shards[0].Port)
	through(shards, 0, slow.Port)

	r := patient(t, shards)
	require.NoError(t, r.Verify(ctx))
	compareFanOut(t, r, "all alike", fanOutQuestions, 0)
	slow.Delay(lateBy)
	through(shards, 1, unused(t))
	require.NoError(t, r.Reload())
	compareFanOut(t, r, fmt.Sprintf("one answers %s late, one refuses connections", lateBy), fanOutQuestions, 0)
	require.Equal(t, 1, partial(t, r))
	silent := pgtest.StartProxy(t, shards.Map.Shards[2].Port)
	through(shards, 2, silent.Port)
	require.NoError(t, r.Reload())
	require.Equal(t, 1, partial(t, r))
	silent.Freeze()
	compareFanOut(t, r, "and one answers nothing any more", 10, 2)
	require.Equal(t, 2, partial(t, r))
	silent.Thaw()
	began := time.Now()
	require.Eventually(t, func() bool { return partial(t, r) == 1 }, time.Minute, 10*time.Millisecond)
	t.Logf("the silent shard is in the answers again %s after it speaks", bench.Round(time.Since(began)))
	t.Logf("at the end: %d open connections, heap and stacks %.1f MiB", r.Connections(), float64(memory())/(1<<20))
	r.Close()
	slow.Stop()
	silent.Stop()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+2 }, time.Minute, 10*time.Millisecond, "goroutines are left")
}

// compareFanOut takes turns with the slowest shard alone. What it must name as missing, it does.
func compareFanOut(t *testing.T, r *router.Router, title string, questions, slowest int) {
	t.Helper()
	missing := map[int]int{}
	all := bench.Side{Name: fmt.Sprintf("all %d", len(r.Map().Shards)), Do: func(ctx context.Context, _ int) error {
		_, err := router.FanOut(ctx, r, deadline, question)
		failures, err := unlessPartial(err)
		missing[failures]++
		return err
	}}
	var busy, began time.Duration
	all.Prepare = func(context.Context) error { began = processorTime(t); return nil }
	all.Finish = func(context.Context) error { busy += processorTime(t) - began; return nil }
	alone := bench.Side{Name: "the slowest alone", Do: func(ctx context.Context, _ int) error {
		err := router.AskOne(ctx, r, slowest, deadline, question)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	}}
	results, err := bench.Alternate(t.Context(), bench.Plan{Rounds: fanOutRounds, Operations: questions, Clients: 1}, alone, all)
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, bench.Compare(title, results).WriteText(&text))
	a, known := results[0].All().Percentile(99)
	if b, _ := results[1].All().Percentile(99); known {
		fmt.Fprintf(&text, "  p99 of all ÷ p99 of the slowest alone: %.2f\n", float64(b)/float64(a))
	}
	fmt.Fprintf(&text, "  processor time of the client for a question: %s\n", bench.Round(busy/time.Duration((fanOutRounds+1)*questions)))
	fmt.Fprintf(&text, "  questions by the number of shards without an answer: %v\n", missing)
	t.Log(text.String())
}

// unlessPartial returns how many shards gave no answer.
func unlessPartial(err error) (failures int, _ error) {
	var partial *router.PartialError
	if errors.As(err, &partial) {
		return len(partial.Failures), nil
	}
	return 0, err
}

func partial(t *testing.T, r *router.Router) int {
	_, err := router.FanOut(t.Context(), r, deadline, question)
	failures, err := unlessPartial(err)
	require.NoError(t, err)
	return failures
}

// cold measures first questions, for which every shard gets a connection.
func cold(t *testing.T, shards *pgtest.Shards) {
	t.Helper()
	var r *router.Router
	side := bench.Side{Name: "first question", Do: func(ctx context.Context, _ int) error {
		_, err := router.FanOut(ctx, r, coldTime, question)
		return err
	}, Prepare: func(context.Context) error {
		r = patient(t, shards)
		return nil
	}, Finish: func(context.Context) error {
		r.Close()
		return nil
	}}
	results, err := bench.Alternate(t.Context(), bench.Plan{Rounds: 20, Operations: 1, Clients: 1}, side)
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, bench.List("without connections", results).WriteText(&text))
	t.Log(text.String())
}

func patient(t *testing.T, shards *pgtest.Shards) *router.Router {
	options := shards.App.As("test")
	options.Pool, options.ConnectTimeout = 2, coldTime
	r, err := router.New(options)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// through writes a map in which a shard is at another port.
func through(shards *pgtest.Shards, id, port int) {
	next := *shards.Map
	next.Generation++
	next.Shards = append([]shardmap.Shard(nil), next.Shards...)
	next.Shards[id].Port = port
	shards.Map = &next
	shards.Write(&next)
}

// unused is a port that refuses connections.
func unused(t *testing.T) int {
	p := pgtest.StartProxy(t, 0)
	p.Stop()
	return p.Port
}

// processorTime is what this process has used.
func processorTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// memory is what the process uses; what pools of the runtime keep is free after two collections.
func memory() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
