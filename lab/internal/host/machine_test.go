package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asRoot skips what needs the machine's own control groups and networks. The lab needs root too.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, as the lab does")
	}
}

// testGroup is a group of the machine itself that no lab has.
func testGroup(t *testing.T) Group {
	t.Helper()
	asRoot(t)
	g := NewGroup(fmt.Sprintf("test-%d", os.Getpid()))
	require.NoError(t, g.Ensure())
	t.Cleanup(func() {
		require.NoError(t, g.Kill(context.Background()))
		os.Remove(strings.TrimSuffix(g.Entry(), "/cgroup.procs"))
		for _, top := range machine.hierarchies() {
			require.NoError(t, os.Remove(top+g.Root()))
		}
	})
	return g
}

// counts starts a process in the group that writes a byte every few milliseconds.
func counts(t *testing.T, g Group) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `echo $$ >"$0"; while :; do echo; sleep 0.01; done`, g.Entry())
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = output.Read(make([]byte, 1))
	require.NoError(t, err)
	return cmd, output
}

// runsOn is whether the process writes anything within half a second.
func runsOn(t *testing.T, output io.Reader) bool {
	t.Helper()
	file := output.(*os.File)
	require.NoError(t, file.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err := io.Copy(io.Discard, file) // what was written before
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, file.SetReadDeadline(time.Now().Add(500*time.Millisecond)))
	n, _ := file.Read(make([]byte, 1))
	return n > 0
}

func TestAFrozenGroupStopsAndGoesOn(t *testing.T) {
	g := testGroup(t)
	cmd, output := counts(t, g)
	require.True(t, runsOn(t, output))
	require.NoError(t, g.Freeze(t.Context()))
	require.True(t, g.Frozen())
	require.False(t, runsOn(t, output))
	require.NoError(t, g.Freeze(t.Context()), "twice is as good as once")
	require.NoError(t, g.Thaw(t.Context()))
	require.False(t, g.Frozen())
	require.True(t, runsOn(t, output))
	require.NoError(t, g.Kill(t.Context()))
	require.Error(t, cmd.Wait())
}

// A frozen process ignores SIGKILL until it is thawed: a node is killed whatever it is.
func TestAFrozenGroupIsKilledWithItsChildren(t *testing.T) {
	g := testGroup(t)
	cmd, _ := counts(t, g)
	require.NoError(t, g.Freeze(t.Context()))
	require.NoError(t, g.Kill(t.Context()))
	require.True(t, g.Empty())
	require.Error(t, cmd.Wait())
	require.Equal(t, syscall.SIGKILL, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
}

// testUplink is a cable from a bridge that no lab has to an empty network.
func testUplink(t *testing.T) Uplink {
	t.Helper()
	asRoot(t)
	name := fmt.Sprintf("sst%d", os.Getpid())
	namespace := exec.Command("unshare", "--net", "--", "sleep", "60")
	require.NoError(t, namespace.Start())
	t.Cleanup(func() {
		require.NoError(t, Unplug(context.Background(), "u"+name))
		require.NoError(t, ip(context.Background(), "link", "delete", name))
		require.NoError(t, namespace.Process.Kill())
		require.Error(t, namespace.Wait())
	})
	// 203.0.113.0/24 is for documentation: hardly a network has it.
	for _, args := range [][]string{
		{"link", "add", name, "type", "bridge"}, {"address", "add", "203.0.113.1/24", "dev", name}, {"link", "set", name, "up"},
	} {
		require.NoError(t, ip(t.Context(), args...))
	}
	ours, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", namespace.Process.Pid))
		return err == nil && theirs != ours
	}, 10*time.Second, time.Millisecond)
	return Uplink{
		Name: "u" + name, Process: namespace.Process.Pid, Bridge: name, Address: "203.0.113.2/24", Hardware: "02:53:4c:00:00:fe",
		Services: "198.51.100.0/24", Gateway: "203.0.113.1",
	}
}

// answers is whether the node's kernel says that nobody listens there.
func answers() bool {
	conn, err := net.DialTimeout("tcp", "203.0.113.2:1", time.Second)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func TestAPulledCableIsSilent(t *testing.T) {
	u := testUplink(t)
	require.NoError(t, EnsureUplink(t.Context(), u))
	require.Eventually(t, answers, 5*time.Second, 10*time.Millisecond)
	require.False(t, Pulled(u.Name))

	require.NoError(t, Pull(t.Context(), u.Name))
	require.True(t, Pulled(u.Name))
	require.False(t, answers())

	require.NoError(t, EnsureUplink(t.Context(), u), "what is there stays")
	require.Eventually(t, answers, 5*time.Second, 10*time.Millisecond)

	require.NoError(t, Unplug(t.Context(), u.Name))
	require.NoError(t, Unplug(t.Context(), u.Name), "twice is as good as once")
	require.NoError(t, Pull(t.Context(), u.Name), "no cable is pulled already")
	require.False(t, Pulled(u.Name))
	require.False(t, answers())
}
