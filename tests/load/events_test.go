package load

import (
	"github.com/scalestack/scalestack/sharding/history"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMails(t *testing.T) {
	tests := map[string]struct {
		mails    []Mail
		repeated int
		kinds    []history.Kind
		detail   string
	}{
		"one each":       {mails: []Mail{{"<1>", []string{"a@x"}}, {"<2>", []string{"b@x"}}, {"<3>", []string{"stranger@x"}}}},
		"the same again": {mails: []Mail{{"<1>", []string{"a@x"}}, {"<1>", []string{"a@x"}}, {"<2>", []string{"b@x"}}}, repeated: 1},
		"none":           {mails: []Mail{{"<1>", []string{"a@x"}}}, kinds: []history.Kind{MissingMail}, detail: "user 2: no mail to b@x"},
		"two": {
			mails: []Mail{{"<1>", []string{"a@x"}}, {"<2>", []string{"b@x"}}, {"<3>", []string{"b@x"}}},
			kinds: []history.Kind{ManyMails}, detail: "user 2: 2 mails to b@x",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := NewEvents([]Registered{{1, "a@x"}, {2, "b@x"}})
			require.Equal(t, test.repeated, e.Mails(slices.Values(test.mails)))
			requireKinds(t, e, test.kinds, test.detail)
		})
	}
}

func TestCounts(t *testing.T) {
	e := NewEvents([]Registered{{1, "a@x"}, {2, "b@x"}, {3, "c@x"}})
	e.Counts(map[int64]int64{1: 1, 2: 2, 9: 5})
	requireKinds(t, e, []history.Kind{WrongCount, WrongCount}, "user 2: the registration was counted 2 times")
	require.ErrorContains(t, e.Err(), "user 3: the registration was counted 0 times")
}

func TestLog(t *testing.T) {
	tests := map[string]struct {
		log    []Event
		copies int
		kinds  []history.Kind
		detail string
	}{
		"in order":        {log: []Event{{"a", 1, 1}, {"x", 2, 1}, {"b", 1, 2}, {"other", 7, 4}}},
		"copies later on": {log: []Event{{"a", 1, 1}, {"b", 1, 2}, {"a", 1, 1}, {"b", 1, 2}, {"x", 2, 1}}, copies: 2},
		"lost":            {log: []Event{{"a", 1, 1}, {"x", 2, 1}}, kinds: []history.Kind{LostEvent}, detail: "user 1: number 2 of 2 is not in Kafka"},
		"out of order": {
			log:   []Event{{"b", 1, 2}, {"a", 1, 1}, {"x", 2, 1}},
			kinds: []history.Kind{WrongOrder, WrongOrder}, detail: "user 1: number 2 came after number 0",
		},
		"two under one number": {
			log:    []Event{{"a", 1, 1}, {"b", 1, 2}, {"c", 1, 2}, {"x", 2, 1}},
			copies: 1, kinds: []history.Kind{WrongCopy}, detail: "user 1: number 2 is event b and event c",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := NewEvents(nil)
			require.Equal(t, test.copies, e.Log(map[int64]int64{1: 2, 2: 1}, slices.Values(test.log)))
			requireKinds(t, e, test.kinds, test.detail)
		})
	}
}
