package rate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

func limit(ref, path string, requests int) rules.Limit {
	when, err := expression.Compile(`starts_with(http.request.uri.path, "` + path + `")`)
	if err != nil {
		panic(err)
	}
	return rules.Limit{Ref: ref, Enabled: true, When: when, Requests: requests, Period: 10 * time.Second, Timeout: time.Minute}
}

// moment is a request of a client and what must come of it.
type moment struct {
	second       int
	client, path string
	ref          string
	wait         int
}

func TestBlocked(t *testing.T) {
	both := []rules.Limit{limit("login", "/login", 1), limit("all", "/", 3)}
	disabled := limit("off", "/", 1)
	disabled.Enabled = false
	for name, c := range map[string]struct {
		limits  []rules.Limit
		moments []moment
	}{
		"one more than allowed": {both[1:], []moment{
			{0, "a", "/", "", 0}, {0, "a", "/", "", 0}, {0, "a", "/", "", 0}, {1, "a", "/", "all", 60}, {2, "a", "/", "all", 59}}},
		"clients are apart": {both[1:], []moment{
			{0, "a", "/", "", 0}, {0, "a", "/", "", 0}, {0, "a", "/", "", 0}, {1, "b", "/", "", 0}, {1, "a", "/", "all", 60}}},
		"the next period": {both[1:], []moment{
			{0, "a", "/", "", 0}, {0, "a", "/", "", 0}, {9, "a", "/", "", 0}, {10, "a", "/", "", 0}, {11, "a", "/", "", 0}, {12, "a", "/", "", 0}, {19, "a", "/", "all", 60}}},
		"blocked beyond the period": {both[1:], []moment{
			{0, "a", "/", "", 0}, {0, "a", "/", "", 0}, {0, "a", "/", "", 0}, {1, "a", "/", "all", 60}, {30, "a", "/", "all", 31}, {61, "a", "/", "", 0}}},
		"the first rule that blocks": {both, []moment{
			{0, "a", "/login", "", 0}, {0, "a", "/login", "login", 60}, {0, "a", "/x", "", 0}, {0, "a", "/x", "", 0}, {0, "a", "/x", "all", 60}}},
		"other paths are not counted": {both[:1], []moment{{0, "a", "/x", "", 0}, {0, "a", "/x", "", 0}, {0, "a", "/login", "", 0}}},
		"a disabled rule":             {[]rules.Limit{disabled}, []moment{{0, "a", "/", "", 0}, {0, "a", "/", "", 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			counter, begin := New(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			for i, m := range c.moments {
				by, wait := counter.Blocked(c.limits, &expression.Request{Path: m.path}, m.client, begin.Add(time.Duration(m.second)*time.Second))
				got := ""
				if by != nil {
					got = by.Ref
				}
				require.Equal(t, m.ref, got, "request %d", i)
				require.Equal(t, time.Duration(m.wait)*time.Second, wait, "request %d", i)
			}
		})
	}
}
