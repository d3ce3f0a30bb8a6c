package deploy

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// Preview shows what a deployment would change: in a few lines for a person,
// then as Pulumi's own diff. Where Pulumi cannot make a plan, the second run
// says why.
func Preview(ctx context.Context, p paths.Paths, out io.Writer) error {
	var plan bytes.Buffer
	first := command(ctx, p, p.Bin("pulumi"), "preview", "--json", "--show-sames", "--stack", Stack, "--non-interactive")
	first.Stdout = &plan
	if first.Run() == nil {
		if err := summarize(ctx, p, &plan, out); err != nil {
			return err
		}
	}
	return Run(ctx, p, out, "preview", "--diff", "--stack", Stack, "--policy-pack", Policies)
}

// summarize runs the program's own command, which works the same way outside
// of the lab.
func summarize(ctx context.Context, p paths.Paths, plan io.Reader, out io.Writer) error {
	cmd := command(ctx, p, "go", "run", "./cmd/summary")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = plan, out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("summary of the preview: %w", err)
	}
	_, err := fmt.Fprintln(out)
	return err
}
