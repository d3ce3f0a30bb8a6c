package deploy

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// Up deploys the stack. It is safe after an earlier run that was killed.
func Up(ctx context.Context, p paths.Paths, v Values, log io.Writer) error {
	if err := Select(ctx, p, v, log); err != nil {
		return err
	}
	return Run(ctx, p, log, "up", "--yes", "--skip-preview", "--non-interactive", "--color", "never")
}

// Select makes the stack if it is new, and clears what a killed run left.
func Select(ctx context.Context, p paths.Paths, v Values, log io.Writer) error {
	if err := Prepare(p); err != nil {
		return err
	}
	if err := Run(ctx, p, log, "stack", "select", "--create", Stack); err != nil {
		return err
	}
	return Run(ctx, p, io.Discard, "cancel", "--yes")
}

// Run calls pulumi on the checkout with the lab's environment.
func Run(ctx context.Context, p paths.Paths, output io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, p.Bin("pulumi"), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Dir = p.Repo
	cmd.Env = append(os.Environ(), environment(p)...)
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(p.Bin("pulumi"))+":"+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w", args[0], err)
	}
	return nil
}

// Summary shows the stack's outputs and how to reach things.
func Summary(ctx context.Context, p paths.Paths, out io.Writer) error {
	if err := Run(ctx, p, out, "stack", "output", "--stack", Stack); err != nil {
		return err
	}
	fmt.Fprintf(out, `
  by hand   . .lab/env     then: pulumi preview, pulumi stack output, kubectl get pods -A
  logs      .lab/logs/
  stop      make down      (data stays; make clean deletes it)

`)
	return nil
}
