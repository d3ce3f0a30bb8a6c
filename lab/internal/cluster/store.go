package cluster

import (
	"context"
	"io"
	"net"
	"os"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

const (
	storeName = "versitygw"
	// StoreKey and StoreSecret are the S3 server's only credentials, StoreBucket the bucket
	// that is there from the start.
	StoreKey    = "lab"
	StoreSecret = "scalestack-lab"
	StoreBucket = "backups"
)

// StartStore starts an S3 server whose buckets are folders of the lab's data.
func StartStore(ctx context.Context, p paths.Paths, log io.Writer) error {
	if err := os.MkdirAll(p.Data("s3/"+StoreBucket), 0o755); err != nil {
		return err
	}
	spec := newSpec(p, storeName, "--access", StoreKey, "--secret", StoreSecret, "--port", Store, "--quiet", "posix", p.Data("s3"))
	spec.Files = []string{p.Bin(storeName + ".stamp")}
	if err := ensure(ctx, log, spec); err != nil {
		return err
	}
	return waitFor(ctx, 30*time.Second, "the S3 server", func() error {
		conn, err := net.DialTimeout("tcp", Store, time.Second)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}
