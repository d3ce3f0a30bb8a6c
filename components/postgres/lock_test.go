package postgres

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// podOn is a program that runs as process 1 of a pod on the shard's volume.
type podOn struct {
	cmd   *exec.Cmd
	ended chan error

	mu   sync.Mutex
	said bytes.Buffer
}

func (p *podOn) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(text)
}

func (p *podOn) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// pod runs a program in process and memory namespaces of its own, as each pod's are.
func (s *shard) pod(args ...string) *podOn {
	s.t.Helper()
	if os.Getuid() != 0 {
		s.t.Skip("namespaces need root")
	}
	user := strconv.Itoa(nobody)
	p := &podOn{ended: make(chan error, 1)}
	p.cmd = exec.Command("unshare", append([]string{"--fork", "--pid", "--ipc",
		"setpriv", "--reuid", user, "--regid", user, "--clear-groups"}, args...)...)
	plain := s.command(args[0])
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = plain.Dir, append(plain.Env, "RUN="+s.folder), p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(s.t, p.cmd.Start())
	go func() { p.ended <- p.cmd.Wait(); close(p.ended) }()
	s.t.Cleanup(func() {
		p.kill()
		<-p.ended
	})
	return p
}

// kill ends process 1 with the group, and the kernel all others of the pod with it.
func (p *podOn) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

func (s *shard) serverPod(port int) *podOn {
	command := append([]string{"sh", s.at("lock.sh")}, s.serverCommand()...)
	return s.pod(append(command, "-c", "port="+strconv.Itoa(port))...)
}

// runningPod has the shard's server, which takes connections.
func (s *shard) runningPod() *podOn {
	s.t.Helper()
	p := s.serverPod(s.port)
	require.Eventually(s.t, func() bool {
		conn, err := s.connect("postgres", "admin-1")
		return err == nil && conn.Close(context.Background()) == nil
	}, 30*time.Second, 50*time.Millisecond, p.log)
	return p
}

// A pod that was deleted by force lives on for as long as it likes, and its successor may be
// on the same node. Each server would be process 1, and takes the other's lock file for its own.
func TestOneServerOnAVolume(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	s.runningPod()
	require.Equal(t, "1", s.query("postgres", "admin-1", "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"), "its own number")

	for _, next := range []*podOn{s.pod("sh", s.at("bootstrap.sh")), s.serverPod(s.port + 1)} {
		require.Eventually(t, func() bool { return strings.Contains(next.log(), "lock: another pod has ") }, 10*time.Second, 20*time.Millisecond)
	}
	bootstrap := s.pod("sh", s.at("bootstrap.sh"))
	select {
	case err := <-bootstrap.ended:
		require.FailNow(t, "the bootstrap touched a volume in use", "%v\n%s", err, bootstrap.log())
	case <-time.After(3 * time.Second):
	}
	require.Equal(t, "app", s.query("postgres", "admin-1", "SELECT rolname::text FROM pg_roles WHERE rolname = 'app'"))
}

func TestTheNextPodGoesOnWhenTheLastHasEnded(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	first := s.runningPod()
	next := s.pod("sh", s.at("bootstrap.sh"))
	require.Eventually(t, func() bool { return next.log() != "" }, 10*time.Second, 20*time.Millisecond)
	first.kill()
	select {
	case err := <-next.ended:
		require.NoError(t, err, next.log())
		require.Contains(t, next.log(), "bootstrap: ready")
	case <-time.After(30 * time.Second):
		require.FailNow(t, "it still waits", next.log())
	}
}

func TestAPodTooMany(t *testing.T) {
	s := newShard(t)
	for pod, fine := range map[string]bool{"postgres-shard-3-0": true, "": true, "postgres-shard-3-1": false, "postgres-shard-3-10": false} {
		s.env = []string{"POD=" + pod}
		output, err := s.bootstrap()
		if fine {
			require.NoError(t, err, output)
			continue
		}
		require.Error(t, err)
		require.Contains(t, output, "startup: "+pod+" is one pod too many")
	}
}

// Without a lock nothing starts.
func TestAVolumeThatCannotBeLocked(t *testing.T) {
	s := newShard(t)
	for script, want := range map[string]string{
		"exit 71": "lock: flock failed with 71: the file system of ",
		"":        "lock: the image has no flock",
	} {
		tools := s.at("tools" + script)
		require.NoError(t, os.MkdirAll(tools, 0o755))
		if script != "" {
			require.NoError(t, os.WriteFile(filepath.Join(tools, "flock"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
		}
		cmd := s.command("/bin/sh", s.at("lock.sh"), "echo", "started")
		cmd.Env = append(cmd.Env, "PATH="+tools)
		output, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(output), want)
		require.NotContains(t, string(output), "started")
	}
}
