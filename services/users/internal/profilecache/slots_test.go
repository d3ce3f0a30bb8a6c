package profilecache

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documented are keys with their slot, and their server of two, three and sixteen.
// docs/cache.md has them, for services in other languages.
var documented = map[string][4]int{
	"user_profile:0":                    {9888, 1, 2, 2},
	"user_profile:1":                    {5686, 0, 2, 2},
	"user_profile:42":                   {2631, 1, 2, 14},
	"user_profile:4711":                 {4060, 0, 0, 0},
	"user_profile:-9223372036854775808": {15118, 1, 1, 12},
}

func TestSlotsAsDocumented(t *testing.T) {
	two, three, sixteen := spread(2), spread(3), spread(16)
	for key, want := range documented {
		slot := slotOf(key)
		require.Equal(t, want, [4]int{slot, int(two[slot]), int(three[slot]), int(sixteen[slot])}, key)
	}
}

// The example in Python needs nothing but its standard library for this.
func TestTheExampleInPythonAgrees(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	run := func(expression string) string {
		cmd := exec.Command("python3", "-B", "-c", "import cacheslots; print("+expression+")")
		cmd.Dir = "../../../../examples/python"
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, string(output))
		return strings.TrimSpace(string(output))
	}
	for key, want := range documented {
		require.Equal(t, fmt.Sprintf("[0, %d, %d, %d]", want[1], want[2], want[3]),
			run(fmt.Sprintf("[cacheslots.number(%q, n) for n in (1, 2, 3, 16)]", key)))
	}
	require.Equal(t, "['c:1', 'b:1']", run(`cacheslots.servers("user_profile:42", "a:1,b:1,c:1;a:1,b:1")`))
	require.Equal(t, "['a:1']", run(`cacheslots.servers("user_profile:4711", "a:1;a:1,b:1,c:1")`))
}

// What a server has of a larger layout it has in a smaller one too, or is not in it.
func TestAFurtherServerOnlyTakes(t *testing.T) {
	before := spread(1)
	for n := 2; n <= 32; n++ {
		after, counts := spread(n), make([]int, n)
		for slot, server := range after {
			counts[server]++
			if server != before[slot] {
				require.EqualValues(t, n-1, server, slot)
			}
		}
		for server, count := range counts {
			require.InEpsilon(t, slots/n, count, 0.15, "server %d of %d", server, n)
		}
		before = after
	}
}

// Ids that follow one another fall into all slots alike.
func TestKeysAreSpread(t *testing.T) {
	table, counts := spread(3), make([]int, 3)
	for id := range int64(30_000) {
		counts[table[slotOf(key(id))]]++
	}
	for _, count := range counts {
		require.InEpsilon(t, 10_000, count, 0.05)
	}
}
