// Package command runs the programs that the product's tools rely on, kubectl and pulumi.
package command

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
)

// Output runs a program and returns its standard output. Where it fails, reason is what
// it wrote to standard error, or the error's text if it wrote nothing.
func Output(ctx context.Context, program string, args ...string) (output []byte, reason string, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if output, err = cmd.Output(); err == nil {
		return output, "", nil
	}
	if reason = strings.TrimSpace(stderr.String()); reason == "" {
		reason = err.Error()
	}
	return nil, reason, err
}
