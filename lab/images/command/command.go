// Package command runs the package clients (apt-get, mvn, pip, go, …) that the lab's builders call.
package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// tailLines is how much of a failed command's output goes into its error.
const tailLines = 15

// Command is one program call. Env entries are added to the caller's environment.
type Command struct {
	Dir  string
	Env  []string
	Name string
	Args []string
}

// Run runs the command to its end. A failure carries the last lines of its output.
func (c Command) Run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.Name, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	// A killed caller's next run must not meet this program still writing.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.Name, err, tail(string(out), tailLines))
	}
	return nil
}

func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
