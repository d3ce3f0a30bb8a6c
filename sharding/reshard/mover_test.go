package reshard_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// moverVariable makes the tests' program a mover, which can be killed.
const moverVariable = "SCALESTACK_TEST_MOVER"

// moverArgs are what a mover in a process of its own needs.
type moverArgs struct {
	Map    *shardmap.Map
	Shards settings.Shards
	// KillAt is the state after which the mover kills itself, "" for never.
	KillAt reshard.State
	// Reconcile makes it a reconciliation, which kills itself after so many changes.
	Reconcile int
	// Observe is how long a move can be rolled back, Lease how long a fence holds.
	Observe, Lease time.Duration
	// Unpaced makes it work all the time, and Batch is how many buckets move together,
	// default 10.
	Unpaced bool
	Batch   int
}

func TestMain(m *testing.M) {
	if text := os.Getenv(moverVariable); text != "" {
		os.Exit(mover(text))
	}
	os.Exit(m.Run())
}

func mover(text string) int {
	var args moverArgs
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	m := reshard.New(reshard.Options{
		Map: args.Map, Batch: cmp.Or(args.Batch, 10), Parallel: 4, Observe: args.Observe, Lease: args.Lease, Patience: time.Minute,
		Log:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Connect: args.Shards.As("test").ConnConfig,
		OnState: func(mv reshard.Move) {
			if mv.State == args.KillAt {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		},
	})
	if args.Unpaced {
		m.FixShare(1)
	}
	err := args.work(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (args moverArgs) work(m *reshard.Mover) error {
	if args.Reconcile == 0 {
		return m.Run(context.Background())
	}
	_, err := m.Reconcile(context.Background(), reshard.ReconcileOptions{Apply: true, OnStep: func(string) {
		if args.Reconcile--; args.Reconcile == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}})
	return err
}

// process is a mover in a process of its own.
type process struct {
	cluster *cluster
	cmd     *exec.Cmd
	// output is complete once the mover has ended.
	output bytes.Buffer
	ended  chan error
}

func (c *cluster) startMover(m *shardmap.Map, killAt reshard.State) *process {
	c.t.Helper()
	return c.startProcess(moverArgs{Map: m, Shards: c.Admin, KillAt: killAt, Observe: 50 * time.Millisecond, Lease: lease})
}

func (c *cluster) startProcess(args moverArgs) *process {
	c.t.Helper()
	text, err := json.Marshal(args)
	require.NoError(c.t, err)
	program, err := os.Executable()
	require.NoError(c.t, err)
	p := &process{cluster: c, cmd: exec.Command(program), ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), moverVariable+"="+string(text))
	p.cmd.Stderr = &p.output
	if testing.Verbose() {
		p.cmd.Stderr = io.MultiWriter(&p.output, os.Stderr)
	}
	require.NoError(c.t, p.cmd.Start())
	go func() { p.ended <- p.cmd.Wait() }()
	return p
}

// moverLimit is for a machine that has other work too: with ten processes waiting for each processor, moves that went on all
// the time took more than two minutes.
const moverLimit = 6 * time.Minute

// wait returns whether the mover ended by itself, without an error. Of one that does not end it shows what it waits for.
func (p *process) wait(t *testing.T) bool {
	t.Helper()
	select {
	case err := <-p.ended:
		return err == nil
	case <-time.After(moverLimit):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		<-p.ended
		p.cluster.dumpLogs()
		require.Fail(t, "the mover does not end", "%s", p.output.String())
		return false
	}
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }
