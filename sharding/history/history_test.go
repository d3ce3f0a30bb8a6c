package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What clients are told is judged when they are told it.
func TestAnswers(t *testing.T) {
	tests := map[string]struct {
		events func(*History)
		kinds  []Kind
		detail string
	}{
		"as seeded":      {events: func(h *History) { h.Read(100).Returned(1, SeedName(100)) }},
		"absent":         {events: func(h *History) { h.Read(200).Returned(0, "") }},
		"after a write":  {events: func(h *History) { h.acknowledge(100, "a", 2); h.Read(100).Returned(2, "a") }},
		"unknown, read":  {events: func(h *History) { h.doubt(100, "a"); h.Read(100).Returned(2, "a") }},
		"unknown, apart": {events: func(h *History) { h.doubt(100, "a"); h.Read(100).Returned(1, SeedName(100)) }},
		"a write not yet acknowledged": {events: func(h *History) {
			w := h.Write(100, "a")
			h.Read(100).Returned(2, "a")
			w.Acknowledged(2)
		}},
		"begun before the acknowledgement": {events: func(h *History) {
			read := h.Read(100)
			h.acknowledge(100, "a", 2)
			read.Returned(1, SeedName(100))
		}},
		"two attempts, one carried out": {events: func(h *History) { w := h.Write(100, "a"); w.Unknown(); w.Acknowledged(2) }},

		"older than acknowledged": {
			events: func(h *History) { h.acknowledge(100, "a", 2); h.Read(100).Returned(1, SeedName(100)) },
			kinds:  []Kind{TimeTravel}, detail: "user 100: read version 1 after version 2 was known",
		},
		"older than another reader saw": {
			events: func(h *History) {
				h.doubt(100, "a")
				h.Read(100).Returned(2, "a")
				h.Read(100).Returned(1, SeedName(100))
			},
			kinds: []Kind{TimeTravel}, detail: "read version 1 after version 2 was known",
		},
		"gone": {events: func(h *History) { h.Read(100).Returned(0, "") }, kinds: []Kind{TimeTravel}, detail: "read version 0"},
		"created, gone": {
			events: func(h *History) { h.acknowledge(200, "a", 1); h.Read(200).Returned(0, "") },
			kinds:  []Kind{TimeTravel}, detail: "user 200: read version 0 after version 1",
		},
		"written on top of an old row": {
			events: func(h *History) { h.acknowledge(100, "a", 2); h.acknowledge(100, "b", 2) },
			kinds:  []Kind{LostWrite}, detail: "a write got version 2 after version 2 was known",
		},
		"counted twice": {
			events: func(h *History) { h.acknowledge(100, "a", 3) },
			kinds:  []Kind{Invented}, detail: "version 3 after 2 acknowledged and 0 unknown writes",
		},
		"a version of nobody": {
			events: func(h *History) { h.Read(100).Returned(2, "x") },
			kinds:  []Kind{Invented}, detail: "read version 2 after 1 acknowledged",
		},
		"another payload": {
			events: func(h *History) { h.acknowledge(100, "a", 2); h.Read(100).Returned(2, "b") },
			kinds:  []Kind{WrongPayload}, detail: `version 2 reads "b", written was "a"`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := New(four, nil)
			test.events(h)
			requireKinds(t, h, test.kinds, test.detail)
		})
	}
}

func TestJournal(t *testing.T) {
	var text strings.Builder
	h := New(four, &text)
	h.acknowledge(100, "a", 2)
	h.doubt(101, "b")
	h.Read(100).Returned(2, "a")
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	require.Len(t, lines, 4)
	for i, want := range []string{`acknowledged user=100 version=2 name="a"`, `unknown user=101 version=0 name="b"`,
		`given up user=101 version=0 name="b"`, `read user=100 version=2 name="a"`} {
		require.Contains(t, lines[i], want)
	}
}
