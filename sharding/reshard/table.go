package reshard

import (
	"context"
	"fmt"
	"strings"

	"github.com/scalestack/scalestack/sharding/catalog"
)

func readBoth(ctx context.Context, source, target *session) (tables, others []catalog.Table, err error) {
	return both(source, target, func(side *session) ([]catalog.Table, error) { return catalog.Tables(ctx, side) })
}

// slice is a subset of all buckets.
type slice struct {
	buckets []int32
	of      int
}

// filter selects the rows of a table that are in the slice. It uses the shard map's
// formula, which is right for negative keys, and nothing that a publication refuses.
func (s slice) filter(t catalog.Table) string {
	list := make([]string, len(s.buckets))
	for i, bucket := range s.buckets {
		list[i] = fmt.Sprint(bucket)
	}
	return fmt.Sprintf("((%[1]s %% %[2]d + %[2]d) %% %[2]d) = ANY ('{%[3]s}'::bigint[])", t.QuotedKey, s.of, strings.Join(list, ","))
}
