//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	// It reads what the kernel says of one process; the standard library has only the sum
	// of a process and all that it has waited for.
	"github.com/prometheus/procfs"
)

// cost is what a run of pulumi took.
type cost struct {
	seconds float64
	// engine is pulumi itself, program the stack's.
	engine, program use
}

// use of one process: its own processor time and the most memory.
type use struct{ cpu, mebibytes float64 }

// costHeading is above what String returns.
const costHeading = "     seconds  engine CPU-s  engine MiB  program CPU-s  program MiB"

func (c cost) String() string {
	return fmt.Sprintf("%12.1f %13.1f %11.0f %14.1f %12.0f", c.seconds, c.engine.cpu, c.engine.mebibytes, c.program.cpu, c.program.mebibytes)
}

// measure runs a command of pulumi and looks at its processes until it ends.
func measure(cmd *exec.Cmd) (c cost, err error) {
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return c, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			c.seconds = time.Since(began).Seconds()
			return c, err
		case <-time.After(20 * time.Millisecond):
			c.look(cmd.Process.Pid)
		}
	}
}

func (c *cost) look(pulumi int) {
	processes, err := procfs.AllProcs()
	if err != nil {
		return
	}
	for _, p := range processes {
		executable, err := p.Executable()
		switch {
		case err != nil:
		case p.PID == pulumi:
			c.engine.add(p)
		// Where the lab's language host keeps what it has compiled.
		case filepath.Base(filepath.Dir(executable)) == "programs" && !strings.HasPrefix(filepath.Base(executable), "policies-"):
			c.program.add(p)
		}
	}
}

// add leaves the last figures of a process that has just ended.
func (u *use) add(p procfs.Proc) {
	stat, err := p.Stat()
	if err != nil {
		return
	}
	if status, err := p.NewStatus(); err == nil {
		*u = use{max(u.cpu, stat.CPUTime()), max(u.mebibytes, float64(status.VmHWM)/(1<<20))}
	}
}
