package reshard

import (
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

func row(values ...string) *pglogrepl.TupleData {
	tuple := &pglogrepl.TupleData{}
	for _, value := range values {
		tuple.Columns = append(tuple.Columns, &pglogrepl.TupleDataColumn{DataType: pglogrepl.TupleDataTypeText, Data: []byte(value)})
	}
	return tuple
}

func TestFeed(t *testing.T) {
	var seen []int64
	f := &feed{tables: map[uint32]catalog.Table{7: {Name: "public.products", Key: "owner"}}, keyAt: map[uint32]int{}, changed: func(table string, user int64) {
		require.Equal(t, "public.products", table)
		seen = append(seen, user)
	}}
	apply := func(change pglogrepl.Message) error { return f.apply(change) }

	require.ErrorContains(t, apply(&pglogrepl.InsertMessage{RelationID: 7, Tuple: row("a", "1")}), "without a key",
		"the log describes a table before its first row")
	require.NoError(t, apply(&pglogrepl.RelationMessage{RelationID: 7, Columns: []*pglogrepl.RelationMessageColumn{{Name: "sku"}, {Name: "owner"}}}))
	require.NoError(t, apply(&pglogrepl.BeginMessage{}))
	require.NoError(t, apply(&pglogrepl.InsertMessage{RelationID: 7, Tuple: row("a", "1")}))
	require.NoError(t, apply(&pglogrepl.UpdateMessage{RelationID: 7, NewTuple: row("a", "-2")}))
	require.NoError(t, apply(&pglogrepl.UpdateMessage{RelationID: 7, OldTuple: row("a", "3"), NewTuple: row("a", "4")}), "of both keys")
	require.NoError(t, apply(&pglogrepl.DeleteMessage{RelationID: 7, OldTuple: row("a", "5")}))
	require.Equal(t, []int64{1, -2, 3, 4, 5}, seen)

	require.ErrorContains(t, apply(&pglogrepl.InsertMessage{RelationID: 7, Tuple: row("a", "x")}), "public.products: owner of a change")
	require.ErrorContains(t, apply(&pglogrepl.TruncateMessage{}), "truncated")
	require.NoError(t, apply(&pglogrepl.RelationMessage{RelationID: 7, Columns: []*pglogrepl.RelationMessageColumn{{Name: "sku"}}}))
	require.ErrorContains(t, apply(&pglogrepl.InsertMessage{RelationID: 7, Tuple: row("a")}), "the schema has changed")
}

func TestDifferenceError(t *testing.T) {
	m := &Mover{options: Options{Map: &shardmap.Map{Buckets: 60}}}
	require.NoError(t, m.differenceError(nil))
	require.EqualError(t, m.differenceError([]cell{{"b", 61}, {"a", -1}, {"b", 1}}),
		"source and target differ: a, bucket 59, users: 1; b, bucket 1, users: 2")
}
