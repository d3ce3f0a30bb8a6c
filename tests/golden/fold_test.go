package golden

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// object is a resource of some type.
func object(name string, inputs map[string]any) Resource {
	return Resource{URN: "urn:pulumi:dev::a::b::" + name, Type: "b", Inputs: inputs}
}

// folding returns what Fold writes, and holds what Unfold reads against the resources.
func folding(t *testing.T, all ...Resource) []any {
	t.Helper()
	out, err := Fold(all)
	require.NoError(t, err)
	text, err := yaml.Marshal(out)
	require.NoError(t, err)
	var entries []map[string]any
	require.NoError(t, yaml.Unmarshal(text, &entries))
	back, err := Unfold[Resource](entries)
	require.NoError(t, err, string(text))
	require.Equal(t, all, back, string(text))
	return out
}

func TestFold(t *testing.T) {
	long := []any{strings.Repeat("long ", 100)}
	of := func(more map[string]any) map[string]any {
		inputs := map[string]any{"long": long, "data": map[string]any{"a/b~c": 1, "all": "shard-0 shard-1 shard-10"}}
		for name, value := range more {
			inputs[name] = value
		}
		return inputs
	}
	first := object("shard-0", of(map[string]any{"database": "shard_0_db", "list": []any{"a", "b"}}))
	for name, c := range map[string]struct {
		other Resource
		want  folded
	}{
		"a value, of a list too": {
			object("shard-1", of(map[string]any{"database": "shard_0_db", "list": []any{"a", 2}, "data": map[string]any{"a/b~c": nil, "all": "shard-1 shard-0 shard-10"}})),
			folded{But: map[string]any{"/inputs/database": "shard_0_db", "/inputs/list/1": 2, "/inputs/data/a~1b~0c": nil}},
		},
		"more and less": {
			object("shard-1", of(map[string]any{"database": map[string]any{"x": "y"}, "more": true, "data": map[string]any{"all": "shard-1 shard-0 shard-10"}})),
			folded{But: map[string]any{"/inputs/database": map[string]any{"x": "y"}, "/inputs/more": true}, Without: []string{"/inputs/data/a~1b~0c", "/inputs/list"}},
		},
		"a longer list": {
			object("shard-1", of(map[string]any{"database": "shard_1_db", "list": []any{"a", "b", "c"}, "data": map[string]any{"a/b~c": 1, "all": "shard-1 shard-0 shard-10"}})),
			folded{But: map[string]any{"/inputs/list": []any{"a", "b", "c"}}},
		},
		"what names all shards": {
			object("shard-10", of(map[string]any{"database": "shard_10_db", "list": []any{"a", "b"}})),
			folded{But: map[string]any{"/inputs/data/all": "shard-0 shard-1 shard-10"}},
		},
		"fields by the names of shards": {
			object("shard-1", map[string]any{"long": long, "shard-0": 1, "shard-1": 0}),
			folded{But: map[string]any{"/inputs/shard-0": 1, "/inputs/shard-1": 0}, Without: []string{"/inputs/data", "/inputs/database", "/inputs/list"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.URN, c.want.As = c.other.URN, "shard-0"
			require.Equal(t, []any{first, c.want}, folding(t, first, c.other))
		})
	}
}

func TestFoldByShardAndMember(t *testing.T) {
	var all []Resource
	var names []string
	for _, name := range []string{"shard-0", "shard-0-m1", "shard-0-m2", "shard-1", "shard-1-m1", "shard-1-m2", "other-1", "other-2"} {
		all = append(all, object(name, map[string]any{"name": name, "label": strings.Replace(name, "-m", "-member-", 1), "long": strings.Repeat("a", 100)}))
	}
	for _, entry := range folding(t, all...) {
		if f, ok := entry.(folded); ok {
			require.Empty(t, f.But)
			names = append(names, f.URN[len("urn:pulumi:dev::a::b::"):]+" as "+f.As)
		}
	}
	require.Equal(t, []string{"shard-0-m2 as shard-0-m1", "shard-1 as shard-0", "shard-1-m1 as shard-0-m1", "shard-1-m2 as shard-0-m1"}, names)
}

// What has little in common with the first is written in full, and later ones as it.
func TestFoldAsTheLikest(t *testing.T) {
	begin, rest := map[string]any{"first": strings.Repeat("a", 100)}, map[string]any{"next": strings.Repeat("b", 100)}
	out := folding(t, object("shard-0", begin), object("shard-1", rest), object("shard-2", rest), object("shard-3", begin))
	require.Equal(t, "shard-1", out[2].(folded).As)
	require.Equal(t, "shard-0", out[3].(folded).As)
	require.IsType(t, Resource{}, out[1])
}

func TestUnfoldRefuses(t *testing.T) {
	for _, pointer := range []string{"/inputs/list/2", "/inputs/list/x", "/inputs/none/x", "/urn/x"} {
		_, err := Unfold[Resource]([]map[string]any{
			{"urn": "b::shard-0", "inputs": map[string]any{"list": []any{1, 2}}},
			{"urn": "b::shard-1", "as": "shard-0", "but": map[string]any{pointer: 3}},
		})
		require.EqualError(t, err, "b::shard-1 as shard-0: "+pointer+": nothing is there")
	}
	_, err := Unfold[Resource]([]map[string]any{{"urn": "b::shard-1", "as": "shard-0", "without": []string{"/x"}}})
	require.EqualError(t, err, "b::shard-1 as shard-0: /x: nothing is there")
}

// Whatever changes in one shard of dev is shown, as the value that it has now.
func TestEveryDifferenceOfAShardIsShown(t *testing.T) {
	all, err := Resources("dev")
	require.NoError(t, err)
	byURN, tried := map[string]Resource{}, 0
	for _, one := range all {
		byURN[one.URN] = one
	}
	for _, one := range all {
		like, ok := byURN[strings.Replace(one.URN, "postgres-shard-2", "postgres-shard-0", 1)]
		if !ok || like.URN == one.URN {
			continue
		}
		before, _ := folding(t, like, one)[1].(folded)
		for _, pointer := range leaves("/inputs", one.Inputs) {
			var tree map[string]any
			require.NoError(t, convert(one, &tree))
			require.NoError(t, put(tree, strings.Split(pointer, "/")[1:], "changed"))
			var changed Resource
			require.NoError(t, convert(tree, &changed))
			out, err := Fold([]Resource{like, changed})
			require.NoError(t, err)
			tried++
			f, short := out[1].(folded)
			if !short {
				require.Equal(t, changed, out[1], "in full")
				continue
			}
			require.Equal(t, "changed", f.But[pointer], "%s: %s", one.URN, pointer)
			require.LessOrEqual(t, len(f.But), len(before.But)+1)
			require.Empty(t, f.Without)
		}
	}
	require.Greater(t, tried, 200)
}

// leaves are the pointers to all that is neither an object nor a list.
func leaves(pointer string, tree any) (all []string) {
	switch tree := tree.(type) {
	case map[string]any:
		for name, value := range tree {
			all = append(all, leaves(pointer+"/"+escape.Replace(name), value)...)
		}
	case []any:
		for i, value := range tree {
			all = append(all, leaves(pointer+"/"+strconv.Itoa(i), value)...)
		}
	default:
		all = append(all, pointer)
	}
	return all
}
