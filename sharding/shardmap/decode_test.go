package shardmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func encoded(t testing.TB, m *Map) string {
	t.Helper()
	data, err := m.Encode()
	require.NoError(t, err)
	return string(data)
}

func TestEncodeDecodeRoundTrip(t *testing.T) {
	want := testMap(DefaultBuckets, 4)
	got, err := Decode([]byte(encoded(t, want)))
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, encoded(t, want), encoded(t, got))
}

func TestLargestMapFitsItsLimit(t *testing.T) {
	_, err := Decode([]byte(encoded(t, testMap(MaxBuckets, MaxShards))))
	require.NoError(t, err)
}

func TestEncodeRefusesAnInvalidMap(t *testing.T) {
	m := testMap(8, 2)
	m.Generation = 0
	_, err := m.Encode()
	require.EqualError(t, err, "generation: 0 is not between 1 and 9223372036854775807")
}

// Each case edits the JSON of a valid map of 4 buckets on 2 shards.
func TestDecodeRefuses(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"no JSON", `{"format"`, `{format`, "map: is not one JSON document: invalid character 'f' looking for beginning of object key string"},
		{"trailing data", `[0,1,0,1]}`, `[0,1,0,1]}{}`, "map: is not one JSON document: invalid character '{' after top-level value"},
		{"unknown field", `{"format"`, `{"weights":1,"format"`, "weights: is not a field of the map"},
		{"unknown field of a shard", `"port":5432`, `"port":5432,"tls":true`, "shards[0].tls: is not a field of the map"},
		{"field in another case", `"generation"`, `"Generation"`, "Generation: is not a field of the map\ngeneration: is required"},
		{"field twice", `"generation":1`, `"generation":1,"generation":2`, "generation: is there twice"},
		{"missing id", `"id":0,`, ``, "shards[0].id: is required"},
		{"null", `"generation":1`, `"generation":null`, "generation: null is not a whole number"},
		{"fraction", `"generation":1`, `"generation":1.5`, "generation: 1.5 is not a whole number"},
		{"too large for a number", `"generation":1`, `"generation":9223372036854775808`, "generation: 9223372036854775808 is not a whole number"},
		{"string for a number", `"buckets":4`, `"buckets":"4"`, `buckets: "4" is not a whole number`},
		{"number for a string", `"name":"shard-0"`, `"name":0`, "shards[0].name: 0 is not a string"},
		{"object for a list", `[0,1,0,1]`, `{"0":1}`, `assignment: {"0":1} is not a list`},
		{"list for an object", `"shards":[`, `"shards":[[],`, "shards[0]: [] is not an object"},
		{"null owner", `[0,1,0,1]`, `[0,null,0,1]`, "assignment[1]: null is not a whole number"},
		{"format", `"format":1`, `"format":2`, "format: 2 is not 1, the only format known"},
		{"cluster", `"cluster":"scalestack"`, `"cluster":"No Name"`, `cluster: "No Name" is not a DNS label`},
		{"negative generation", `"generation":1`, `"generation":-1`, "generation: -1 is not between 1 and 9223372036854775807"},
		{"no buckets", `"buckets":4`, `"buckets":0`, "buckets: 0 is not between 1 and 16384\nassignment: 4 entries are not 0, one per bucket"},
		{"too many buckets", `"buckets":4`, `"buckets":16385`, "buckets: 16385 is not between 1 and 16384\nassignment: 4 entries are not 16385, one per bucket"},
		{"no initial shard", `"initialShards":2`, `"initialShards":0`, "initialShards: 0 is not between 1 and 4"},
		{"more initial shards than buckets", `"initialShards":2`, `"initialShards":5`, "initialShards: 5 is not between 1 and 4"},
		{"short assignment", `[0,1,0,1]`, `[0,1,0]`, "assignment: 3 entries are not 4, one per bucket"},
		{"long assignment", `[0,1,0,1]`, `[0,1,0,1,0]`, "assignment: 5 entries are not 4, one per bucket"},
		{"unknown owners", `[0,1,0,1]`, `[7,1,7,-1]`, "assignment[0]: 7 is not the id of a shard\nassignment[3]: -1 is not the id of a shard"},
		{"id taken", `"id":1`, `"id":0`, "shards[1].id: 0 is not above 0, the id before it: ids are unique and ascend\nassignment[1]: 1 is not the id of a shard"},
		{"large id", `"id":1`, `"id":960`, "shards[1].id: 960 is not between 0 and 959\nassignment[1]: 1 is not the id of a shard"},
		{"name taken", `"name":"shard-1"`, `"name":"shard-0"`, `shards[1].name: "shard-0" is not unique: shards[0] has it too`},
		{"bad name", `"name":"shard-1"`, `"name":"../x"`, `shards[1].name: "../x" is not a DNS label`},
		{"empty host", `"postgres-shard-0.scalestack.svc.cluster.local"`, `""`, `shards[0].host: "" is not a DNS name or an IP address`},
		{"port", `"port":5432,"database":"shard_0_db"`, `"port":65536,"database":"shard_0_db"`, "shards[0].port: 65536 is not between 1 and 65535"},
		{"database", `"shard_0_db"`, `"x'; drop"`, `shards[0].database: "x'; drop" is not 1 to 63 letters, digits, _ and -, with a letter or _ first`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			good := encoded(t, testMap(4, 2))
			require.Contains(t, good, tc.old)
			_, err := Decode([]byte(strings.Replace(good, tc.old, tc.new, 1)))
			require.EqualError(t, err, tc.want)
		})
	}
}

func TestDecodeRefusesTwoShardsInOneDatabase(t *testing.T) {
	m := testMap(4, 2)
	m.Shards[1].Host, m.Shards[1].Database = strings.ToUpper(m.Shards[0].Host), m.Shards[0].Database
	require.ErrorContains(t, m.Validate(), "shards[1].database:")
	require.ErrorContains(t, m.Validate(), "is not unique: shards[0] has it too")
}

func TestDecodeRefusesMoreThanItsLimits(t *testing.T) {
	_, err := Decode(slices.Repeat([]byte(" "), MaxEncodedSize+1))
	require.EqualError(t, err, "map: 1048577 bytes are not at most 1048576")

	good := encoded(t, testMap(4, 2))
	_, err = Decode([]byte(strings.Replace(good, `[0,1,0,1]`, "[0"+strings.Repeat(",0", MaxBuckets)+"]", 1)))
	require.EqualError(t, err, "assignment: 16385 entries are not at most 16384")

	m := testMap(MaxShards, MaxShards)
	m.Shards = append(m.Shards, Shard{ID: MaxShards, Name: "one-more", Host: "h", Port: 1, Database: "d"})
	data, err := json.Marshal(m)
	require.NoError(t, err)
	_, err = Decode(data)
	require.EqualError(t, err, "shards: 961 entries are not at most 960")
}

func TestDecodeListsAFewWrongOwnersAndCountsTheOthers(t *testing.T) {
	_, err := Decode([]byte(strings.Replace(encoded(t, testMap(4, 2)), `[0,1,0,1]`, "[null"+strings.Repeat(",null", 99)+"]", 1)))
	require.ErrorContains(t, err, "assignment[9]: null is not a whole number")
	require.NotContains(t, err.Error(), "assignment[10]")
	require.ErrorContains(t, err, "assignment: 90 more entries are not whole numbers")
}

func TestMistakesCarryTheirPath(t *testing.T) {
	_, err := Decode([]byte(strings.Replace(encoded(t, testMap(4, 2)), `"port":5432`, `"port":0`, 1)))
	var mistake *Error
	require.True(t, errors.As(err, &mistake))
	require.Equal(t, Error{Path: "shards[0].port", Problem: "0 is not between 1 and 65535"}, *mistake)
}

func FuzzDecode(f *testing.F) {
	good := encoded(f, testMap(12, 3))
	f.Add([]byte(good))
	f.Add([]byte(encoded(f, testMap(1, 1))))
	for _, cut := range []int{0, 1, 20, len(good) / 2, len(good) - 1} {
		f.Add([]byte(good[:cut]))
	}
	for _, odd := range []string{"null", "[]", "{}", `{"format":1,"format":1}`, `{"shards":[null,{}],"assignment":[[],""]}`, "{\"\xff\":1}", "{} {}"} {
		f.Add([]byte(odd))
	}
	f.Add([]byte(strings.Replace(good, `"id":2`, `"id":9`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			require.Nil(t, m)
			require.NotEmpty(t, err.Error())
			return
		}
		for _, userID := range []int64{-1 << 63, -1, 0, 1, 1<<63 - 1} {
			require.NotNil(t, m.ShardOf(userID), fmt.Sprint(userID))
		}
		again, err := Decode([]byte(encoded(t, m)))
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}
