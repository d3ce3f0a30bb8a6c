package load

import (
	"iter"
	"testing"

	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

var owners = shardmap.Base(10, 2)

func sequence(rows []history.Row) iter.Seq2[history.Row, error] {
	return func(yield func(history.Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// judged is a history.History or Events.
type judged interface {
	Findings() []history.Finding
	Err() error
}

func requireKinds(t *testing.T, on judged, kinds []history.Kind, detail string) {
	t.Helper()
	var found []history.Kind
	for _, one := range on.Findings() {
		found = append(found, one.Kind)
	}
	require.Equal(t, kinds, found, "%v", on.Err())
	if kinds == nil {
		require.NoError(t, on.Err())
		return
	}
	require.ErrorContains(t, on.Err(), detail)
}
