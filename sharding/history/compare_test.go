package history

import (
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// The population of the histories: users 100 to 103 on two shards, which own
// the even and the odd buckets.
var (
	four   = Population{First: 100, Seeded: 4}
	owners = shardmap.Base(10, 2)
)

func seededRow(user int64) Row {
	return Row{User: user, Shard: int(user % 2), Version: 1, Name: SeedName(user)}
}

func seededRows() []Row {
	return []Row{seededRow(100), seededRow(101), seededRow(102), seededRow(103)}
}

func sequence(rows []Row) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (h *History) acknowledge(user int64, name string, version int64) {
	h.Write(user, name).Acknowledged(version)
}

func (h *History) doubt(user int64, name string) {
	w := h.Write(user, name)
	w.Unknown()
	w.GivenUp()
}

func TestCompare(t *testing.T) {
	tests := map[string]struct {
		events func(*History)
		change func([]Row) []Row
		kinds  []Kind
		detail string
	}{
		"nothing happened": {},
		"users of others":  {change: func(r []Row) []Row { return append(r, Row{User: 999, Shard: 1, Version: 7, Name: "x"}) }},
		"acknowledged": {
			events: func(h *History) { h.acknowledge(101, "b", 2) },
			change: func(r []Row) []Row { r[1].Version, r[1].Name = 2, "b"; return r },
		},
		"created": {
			events: func(h *History) { h.acknowledge(200, "new", 1) },
			change: func(r []Row) []Row { return append(r, Row{User: 200, Version: 1, Name: "new"}) },
		},
		"unknown and carried out": {
			events: func(h *History) { h.doubt(101, "b") },
			change: func(r []Row) []Row { r[1].Version, r[1].Name = 2, "b"; return r },
		},
		"unknown and not carried out":   {events: func(h *History) { h.doubt(101, "b") }},
		"unknown creation without user": {events: func(h *History) { h.doubt(200, "new") }},
		"repeated, both carried out": {
			events: func(h *History) { w := h.Write(101, "b"); w.Unknown(); w.Acknowledged(3) },
			change: func(r []Row) []Row { r[1].Version, r[1].Name = 3, "b"; return r },
		},
		"unknown and carried out late": {
			events: func(h *History) { h.doubt(101, "b"); h.acknowledge(101, "c", 2) },
			change: func(r []Row) []Row { r[1].Version, r[1].Name = 3, "b"; return r },
		},

		"lost write": {
			events: func(h *History) { h.acknowledge(101, "b", 2); h.acknowledge(101, "c", 3) },
			change: func(r []Row) []Row { r[1].Version, r[1].Name = 2, "b"; return r },
			kinds:  []Kind{LostWrite}, detail: "user 101: version 2 on shard 1, but version 3 was known after 3 acknowledged writes",
		},
		"lost write of unknown outcome that was read": {
			events: func(h *History) { h.doubt(101, "b"); h.Read(101).Returned(2, "b") },
			kinds:  []Kind{LostWrite}, detail: "version 2 was known",
		},
		"lost user": {
			change: func(r []Row) []Row { return slices.Delete(r, 1, 2) },
			kinds:  []Kind{LostWrite}, detail: "user 101: no row on any shard",
		},
		"lost last user": {
			change: func(r []Row) []Row { return r[:3] },
			kinds:  []Kind{LostWrite}, detail: "user 103: no row on any shard",
		},
		"lost everything": {
			change: func([]Row) []Row { return nil },
			kinds:  []Kind{LostWrite, LostWrite, LostWrite, LostWrite}, detail: "user 100",
		},
		"lost created user": {
			events: func(h *History) { h.acknowledge(200, "new", 1) },
			kinds:  []Kind{LostWrite}, detail: "user 200: no row on any shard after 1 acknowledged writes",
		},
		"double row": {
			change: func(r []Row) []Row { return slices.Insert(r, 2, Row{User: 101, Shard: 1, Version: 1}) },
			kinds:  []Kind{DoubleRow}, detail: "user 101: on shard 1 with version 1 and on shard 1 with version 1",
		},
		"old row left at the source": {
			change: func(r []Row) []Row { return slices.Insert(r, 2, Row{User: 101, Shard: 0, Version: 1}) },
			kinds:  []Kind{WrongShard, DoubleRow}, detail: "user 101: a row on shard 0, but bucket 1 is shard 1's",
		},
		"wrong shard": {
			change: func(r []Row) []Row { r[1].Shard = 0; return r },
			kinds:  []Kind{WrongShard}, detail: "user 101: a row on shard 0",
		},
		"somebody else's user on the wrong shard": {
			change: func(r []Row) []Row { return append(r, Row{User: 999, Shard: 0, Version: 7}) },
			kinds:  []Kind{WrongShard}, detail: "user 999",
		},
		"applied twice": {
			events: func(h *History) { h.acknowledge(101, "b", 2) },
			change: func(r []Row) []Row { r[1].Version, r[1].Name = 3, "b"; return r },
			kinds:  []Kind{Invented}, detail: "user 101: version 3 on shard 1 after 2 acknowledged and 0 unknown writes",
		},
		"changed without a write": {
			change: func(r []Row) []Row { r[1].Version = 2; return r },
			kinds:  []Kind{Invented}, detail: "user 101: version 2",
		},
		"payload of an older write": {
			events: func(h *History) { h.acknowledge(101, "b", 2); h.acknowledge(101, "c", 3) },
			change: func(r []Row) []Row { r[1].Version, r[1].Name = 3, "b"; return r },
			kinds:  []Kind{WrongPayload}, detail: `user 101: version 3 has "b", the last acknowledged write was version 3 with "c"`,
		},
		"payload of nobody above the last acknowledged": {
			events: func(h *History) { h.doubt(101, "b"); h.acknowledge(101, "c", 2) },
			change: func(r []Row) []Row { r[1].Version, r[1].Name = 3, "stranger"; return r },
			kinds:  []Kind{WrongPayload}, detail: "stranger",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := New(four, nil)
			if test.events != nil {
				test.events(h)
			}
			rows := seededRows()
			if test.change != nil {
				rows = test.change(rows)
			}
			require.NoError(t, h.Compare(owners, sequence(rows)))
			requireKinds(t, h, test.kinds, test.detail)
		})
	}
}

// judged is a History or Events.
type judged interface {
	Findings() []Finding
	Err() error
}

func requireKinds(t *testing.T, on judged, kinds []Kind, detail string) {
	t.Helper()
	var found []Kind
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

func TestCompareKeepsNothingOfUsersThatNobodyAskedFor(t *testing.T) {
	h := New(four, nil)
	require.NoError(t, h.Compare(owners, sequence(seededRows())))
	for i := range h.stripes {
		require.Empty(t, h.stripes[i].records)
	}
}

func TestFindingsAreCountedButNotAllKept(t *testing.T) {
	h := New(Population{First: 0, Seeded: 5000}, nil)
	require.NoError(t, h.Compare(owners, sequence(nil)))
	require.Len(t, h.Findings(), shown)
	require.ErrorContains(t, h.Err(), "lost write: 5000\n")
}

func TestMerge(t *testing.T) {
	broken := errors.New("connection lost")
	failing := func(yield func(Row, error) bool) {
		_ = yield(Row{User: 1, Shard: 9}, nil) && yield(Row{}, broken)
	}
	collect := func(sources ...iter.Seq2[Row, error]) (users []int64, err error) {
		for row, err := range Merge(sources...) {
			if err != nil {
				return users, err
			}
			users = append(users, row.User)
		}
		return users, nil
	}
	users, err := collect(sequence([]Row{{User: -5}, {User: 3}, {User: 3}}), sequence(nil), sequence([]Row{{User: -7}, {User: 3}, {User: 9}}))
	require.NoError(t, err)
	require.Equal(t, []int64{-7, -5, 3, 3, 3, 9}, users)

	users, err = collect(sequence([]Row{{User: 2}}), failing)
	require.ErrorIs(t, err, broken)
	require.Equal(t, []int64{1}, users, "no row after an error: it would look as if others were lost")
	require.ErrorIs(t, New(four, nil).Compare(owners, failing), broken)
}

func TestOwners(t *testing.T) {
	tests := map[string]struct {
		holdings []Holding
		want     []int
		detail   string
	}{
		"every bucket has one": {[]Holding{{0, 0, "owned"}, {0, 1, "moved"}, {1, 1, "owned"}}, []int{0, 1}, ""},
		"two":                  {[]Holding{{0, 0, "owned"}, {0, 1, "owned"}, {1, 1, "owned"}}, []int{0, 1}, "bucket 1 is owned by shards 0 and 1"},
		"none":                 {[]Holding{{0, 0, "owned"}, {0, 1, "moved"}}, []int{0, -1}, "bucket 1 has no owner"},
		"fenced":               {[]Holding{{0, 0, "owned"}, {1, 1, "fenced"}}, []int{0, 1}, "bucket 1 is fenced on shard 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := New(Population{}, nil)
			require.Equal(t, test.want, h.Owners(2, test.holdings))
			if test.detail == "" {
				require.NoError(t, h.Err())
				return
			}
			requireKinds(t, h, []Kind{WrongOwner}, test.detail)
		})
	}
}
