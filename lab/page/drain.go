package page

import (
	"context"
	"fmt"
	"io"
	"time"
)

const (
	drainLimit = 20 * time.Minute
	drainEvery = 2 * time.Second
)

// drained waits until the shard owns no bucket and has no move under way.
func (p *Page) drained(ctx context.Context, id int, output io.Writer) error {
	ticker := time.NewTicker(drainEvery)
	defer ticker.Stop()
	said := ""
	for {
		left, err := p.left(ctx, id)
		if err == nil && left == 0 {
			return nil
		}
		now := fmt.Sprintf("%d buckets are left on shard %d", left, id)
		if err != nil {
			now = err.Error()
		}
		if now != said {
			fmt.Fprintln(output, now)
			said = now
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("shard %d is not empty after %s", id, drainLimit)
		case <-ticker.C:
		}
	}
}

// left counts the shard's buckets, those of moves that have not ended included.
func (p *Page) left(ctx context.Context, id int) (int, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	all, err := p.shards.holdings(limited)
	if err != nil {
		return 0, err
	}
	left := 0
	for _, h := range all {
		if h.Error != "" {
			return 0, fmt.Errorf("%s: %s", h.Name, h.Error)
		}
		if h.ID == id {
			left = len(h.owned)
			for _, move := range h.moves {
				left += move.Buckets
			}
		}
	}
	return left, nil
}
