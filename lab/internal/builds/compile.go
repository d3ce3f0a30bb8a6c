package builds

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/step"
)

// compilation is one call of go build.
type compilation struct {
	// dir is the module's folder, pkg the package in it.
	dir, pkg string
	// target is the binary.
	target, ldflags string
	// flags select what is built from; they are the same for go list.
	flags []string
}

// run compiles, and counts the packages: a build of ten minutes must show that
// it moves and how far it is.
func (c compilation) run(ctx context.Context, log *step.Log) error {
	total, err := c.stale(ctx, log)
	if err != nil {
		return err
	}
	args := slices.Concat([]string{"build", "-v", "-o", c.target, "-ldflags", c.ldflags}, c.flags, []string{c.pkg})
	cmd := c.command(ctx, args...)
	cmd.Stdout = log
	output, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	count(output, total, log)
	return cmd.Wait()
}

// stale is the number of packages that the build cache does not have. The
// module downloads, which go list makes on the way, go to the log.
func (c compilation) stale(ctx context.Context, log io.Writer) (int, error) {
	args := slices.Concat([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, c.flags, []string{c.pkg})
	cmd := c.command(ctx, args...)
	cmd.Stderr = log
	output, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("go list %s: %w", c.pkg, err)
	}
	return len(bytes.Fields(output)), nil
}

func (c compilation) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = c.dir
	return cmd
}

// count copies the output of go build -v, a package a line, and notes the
// progress. A line of the go command itself is not a package.
func count(output io.Reader, total int, log *step.Log) {
	log.Note("0 of %d packages compiled", total)
	compiled := 0
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		fmt.Fprintln(log, lines.Text())
		if strings.HasPrefix(lines.Text(), "go: ") {
			continue
		}
		compiled++
		log.Note("%d of %d packages compiled", compiled, max(total, compiled))
	}
	io.Copy(log, output)
}
