package migrate

import (
	"context"
	"log/slog"
	"time"

	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// RetireWithin is Retire with less patience.
func RetireWithin(ctx context.Context, m *shardmap.Map, connect Connector, spec *access.Spec, within time.Duration, log *slog.Logger) error {
	digest, err := spec.Digest()
	if err != nil {
		return err
	}
	r := &retirement{spec: spec, digest: digest, within: within, deadline: time.Now().Add(patience)}
	return r.run(ctx, m, connect, log)
}
