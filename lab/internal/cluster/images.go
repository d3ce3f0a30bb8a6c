package cluster

import (
	"context"
	"io"
	"os"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/stamp"
)

// Import is an image that a node needs.
type Import struct{ Tar, Digest string }

// ImportImages gives the first node's containerd the images that it lacks.
func ImportImages(ctx context.Context, p paths.Paths, log io.Writer, images []Import) error {
	return firstNode.importImages(ctx, p, log, images)
}

func (n node) importImages(ctx context.Context, p paths.Paths, log io.Writer, images []Import) error {
	for _, image := range images {
		if err := n.importImage(ctx, p, log, image); err != nil {
			return err
		}
	}
	return nil
}

func (n node) importImage(ctx context.Context, p paths.Paths, log io.Writer, image Import) error {
	marker := p.Data(n.below("containerd/imported-" + stamp.Join(image.Tar)))
	if old, _ := os.ReadFile(marker); string(old) == image.Digest {
		return nil
	}
	if err := ctr(ctx, log, n, "images", "import", image.Tar); err != nil {
		return err
	}
	return os.WriteFile(marker, []byte(image.Digest), 0o644)
}
