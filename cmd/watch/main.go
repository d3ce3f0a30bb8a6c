// Command watch runs a deployment and says every 30 seconds why it still waits: which
// pods are not ready, and what Strimzi says against its resources, with the newest
// warning about each. It interrupts the deployment when a pod that it has made cannot
// heal by waiting: an image that cannot be pulled, a container that cannot be made or
// that keeps crashing, a server or a Job that fits no node. Without it, Pulumi waits ten
// minutes and more and names no reason.
//
//	go run ./cmd/watch -- pulumi up --stack prod --yes
//
// It looks where the settings of that stack say, its context and namespace; flags of its
// own say otherwise. A stack without settings is an error, before anything is deployed.
// The deployment has no standard input: it cannot ask.
// The exit status is the deployment's, or 1 if it was interrupted here. What an
// interrupted run has left is seen by the next one (docs/recovery.md).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// every is how often a person is told.
const every = 30 * time.Second

func main() {
	var where target
	flag.StringVar(&where.context, "context", "", "context of the kubeconfig; default: the stack's, or else the current one")
	flag.StringVar(&where.namespace, "namespace", "", "namespace of the deployment; default: the stack's")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: watch [--context NAME] [--namespace NAME] -- COMMAND [ARGUMENT]…")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	where, err := where.settled(context.Background(), flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "watch:", err)
		os.Exit(1)
	}
	w := &watch{look: where.look, out: os.Stderr, every: every, began: time.Now(), now: time.Now}
	os.Exit(w.run(flag.Args()))
}

// watch attends one deployment.
type watch struct {
	look  func(ctx context.Context) (snapshot, error)
	out   io.Writer
	every time.Duration
	began time.Time
	now   func() time.Time
	// stuck is since when a pod could not heal, by its uid.
	stuck map[string]time.Time
}

// run returns the exit status.
func (w *watch) run(command []string) int {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// In a group of its own it gets a Ctrl-C once, from here: of a second one Pulumi ends
	// at once. Such a process must not read from the terminal.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupts)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(w.out, "watch:", err)
		return 1
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	given := false
	for {
		select {
		case err := <-ended:
			return status(err, given)
		case <-interrupts:
			_ = cmd.Process.Signal(os.Interrupt)
		case <-ticker.C:
			if hopeless := w.tell(); hopeless && !given {
				given = true
				fmt.Fprintln(w.out, "watch: waiting cannot mend this, interrupting the deployment")
				_ = cmd.Process.Signal(os.Interrupt)
			}
		}
	}
}

func status(err error, given bool) int {
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	case err != nil || given:
		return 1
	}
	return 0
}

// tell prints why the deployment waits, and says whether waiting is in vain. That the
// cluster does not answer proves nothing.
func (w *watch) tell() (hopeless bool) {
	ctx, cancel := context.WithTimeout(context.Background(), w.every)
	defer cancel()
	seen, err := w.look(ctx)
	if err != nil {
		fmt.Fprintln(w.out, "watch: cannot see the pods:", err)
		return false
	}
	lines, hopeless := w.judge(seen)
	for _, line := range lines {
		fmt.Fprintln(w.out, "watch:", line)
	}
	return hopeless
}
