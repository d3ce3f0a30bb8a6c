package bench

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorded is a side that writes down when it has its turn.
func recorded(name string, turns *[]string) Side {
	note := func(what string) func(context.Context) error {
		return func(context.Context) error {
			*turns = append(*turns, what)
			return nil
		}
	}
	return Side{Name: name, Prepare: note(name + "("), Finish: note(")"), Do: func(context.Context, int) error { return nil }}
}

func TestSidesTakeTurns(t *testing.T) {
	var turns []string
	results, err := Alternate(t.Context(), Plan{Rounds: 2, Operations: 3, Clients: 2}, recorded("a", &turns), recorded("b", &turns))
	require.NoError(t, err)
	require.Equal(t, "a()b()"+"b()a()"+"a()b()", strings.Join(turns, ""), "one round that does not count, and two that do")
	require.Len(t, results, 2)
	for n, name := range []string{"a", "b"} {
		require.Equal(t, name, results[n].Name)
		require.Len(t, results[n].Rounds, 2)
		require.Len(t, results[n].All(), 6)
	}
}

func TestEveryOperationRunsOnce(t *testing.T) {
	var counts [100]atomic.Int32
	side := Side{Do: func(_ context.Context, n int) error { counts[n].Add(1); return nil }}
	_, err := Alternate(t.Context(), Plan{Operations: len(counts), Clients: 7}, side)
	require.NoError(t, err)
	for n := range counts {
		require.EqualValues(t, 1, counts[n].Load(), n)
	}
}

func TestClientsAreThereAtOnce(t *testing.T) {
	const clients = 50
	var waiting atomic.Int32
	all := make(chan struct{})
	side := Side{Do: func(context.Context, int) error {
		if waiting.Add(1) == clients {
			close(all)
		}
		<-all
		return nil
	}}
	_, err := Alternate(t.Context(), Plan{Operations: clients, Clients: clients}, side)
	require.NoError(t, err)
}

func TestAnErrorEndsTheMeasurement(t *testing.T) {
	broken := errors.New("broken")
	fail := func(context.Context) error { return broken }
	work := func(context.Context, int) error { return nil }
	for name, side := range map[string]Side{
		"operation": {Name: "x", Do: func(context.Context, int) error { return broken }},
		"prepare":   {Name: "x", Do: work, Prepare: fail},
		"finish":    {Name: "x", Do: work, Finish: fail},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Alternate(t.Context(), Plan{Rounds: 1, Operations: 1000, Clients: 3}, side)
			require.EqualError(t, err, "x: broken")
			require.ErrorIs(t, err, broken)
		})
	}
}

func TestAnEndedContextEndsTheMeasurement(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	side := Side{Name: "x", Do: func(context.Context, int) error { cancel(); return nil }}
	_, err := Alternate(ctx, Plan{Rounds: 1, Operations: 1000, Clients: 1}, side)
	require.EqualError(t, err, "x: context canceled")
}
