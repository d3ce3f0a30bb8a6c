package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func example() Report {
	slow := upTo(1000)
	for i := range slow {
		slow[i] *= 1500
	}
	return Compare("reads", []Result{
		{Name: "bare", Rounds: []Sample{upTo(1000)}},
		{Name: "with all", Rounds: []Sample{slow}},
		{Name: "twice", Rounds: []Sample{{3 * time.Millisecond, time.Millisecond}}},
	}, "one more thing")
}

func TestText(t *testing.T) {
	var text strings.Builder
	require.NoError(t, example().WriteText(&text))
	require.Equal(t, `
reads
            count  p50    p99     longest  p50 / first                   p99 / first
  bare      1000   500ns  990ns   1µs      -                             -
  with all  1000   750µs  1.49ms  1.5ms    1500.00 (1500.00 to 1500.00)  1500.00 (1500.00 to 1500.00)
  twice     2      -      -       3ms      -                             -
  one more thing
`, text.String())
}

func TestListComparesNothing(t *testing.T) {
	var text strings.Builder
	list := List("delays", []Result{{Name: "mail", Rounds: []Sample{upTo(1000)}}, {Name: "count", Rounds: []Sample{upTo(1000)}}})
	require.NoError(t, list.WriteText(&text))
	require.Equal(t, `
delays
         count  p50    p99    longest
  mail   1000   500ns  990ns  1µs
  count  1000   500ns  990ns  1µs
`, text.String())
}

func TestJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results")
	require.NoError(t, example().AppendJSON(file))
	require.NoError(t, Report{Title: "next"}.AppendJSON(file))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	require.Len(t, lines, 2)
	require.JSONEq(t, `{"title":"reads","notes":["one more thing"],"lines":[
		{"name":"bare","operations":1000,"p50":500,"p99":990,"longest":1000},
		{"name":"with all","operations":1000,"p50":750000,"p99":1485000,"longest":1500000,
			"ratio50":{"median":1500,"least":1500,"most":1500},"ratio99":{"median":1500,"least":1500,"most":1500}},
		{"name":"twice","operations":2,"longest":3000000}]}`, lines[0])
	require.JSONEq(t, `{"title":"next","lines":null}`, lines[1])
}
