package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/internal/step"
)

// A step whose work began before it still fails with its own error, and its log is there.
func TestWorkBegunAheadEndsInItsStep(t *testing.T) {
	began, refused := make(chan struct{}), errors.New("refused")
	do := ahead(t.Context(), func(_ context.Context, log io.Writer) error {
		close(began)
		fmt.Fprintln(log, "fetched 1 of 2")
		return refused
	})
	<-began
	folder := t.TempDir()
	runner := &step.Runner{Out: io.Discard, LogOf: func(name string) string { return filepath.Join(folder, name) }}
	require.ErrorIs(t, runner.Do(t.Context(), "images", "build images", do), refused)
	log, err := os.ReadFile(filepath.Join(folder, "images"))
	require.NoError(t, err)
	require.Equal(t, "fetched 1 of 2\n", string(log))
}
