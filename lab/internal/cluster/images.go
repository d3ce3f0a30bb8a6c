package cluster

import (
	"context"
	"io"
	"os"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/stamp"
)

// ImportImage gives containerd an image tar, unless it has it already.
func ImportImage(ctx context.Context, p paths.Paths, log io.Writer, tar, digest string) error {
	marker := p.Data("containerd/imported-" + stamp.Join(tar))
	if old, _ := os.ReadFile(marker); string(old) == digest {
		return nil
	}
	if err := ctr(ctx, log, "images", "import", tar); err != nil {
		return err
	}
	return os.WriteFile(marker, []byte(digest), 0o644)
}
