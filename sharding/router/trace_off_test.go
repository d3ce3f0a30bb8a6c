package router

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStepsThatNobodyFollowsCostNothing(t *testing.T) {
	r, ctx := &Router{}, t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		within, end := r.begin(ctx, Step{Name: StepExecute, Shard: "shard-0"})
		end(fault(nil))
		_ = within
	}))
}
