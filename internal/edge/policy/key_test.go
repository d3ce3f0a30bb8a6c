package policy

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/rules"
)

func request(host, path, query, origin, forwarded string) (string, [5]string) {
	header := http.Header{}
	for name, value := range map[string]string{"Origin": origin, "X-Forwarded-Host": forwarded} {
		if value != "" {
			header.Set(name, value)
		}
	}
	r := NewRequest(&rules.Rules{}, "GET", "http", host, "/"+path, header, netip.Addr{})
	r.Query = query
	return Key(r, &rules.Settings{}), [5]string{r.Host, r.Path, r.Query, origin, forwarded}
}

// FuzzKey looks for two different requests with one key.
func FuzzKey(f *testing.F) {
	f.Add("a", "b", "c", "d", "e", "a", "b", "c", "", "de")
	f.Add("a", "b 1:x", "", "", "", "a", "b", "x", "", "")
	f.Add("a", "b", "x&y", "", "", "a", "b", "x", "", "")
	f.Fuzz(func(t *testing.T, host1, path1, query1, origin1, fwd1, host2, path2, query2, origin2, fwd2 string) {
		key1, parts1 := request(host1, path1, query1, origin1, fwd1)
		key2, parts2 := request(host2, path2, query2, origin2, fwd2)
		require.Equal(t, parts1 == parts2, key1 == key2, "%q %q", parts1, parts2)
	})
}

// FuzzKeyQuery checks that leaving parameters out never merges requests that
// differ in one which counts.
func FuzzKeyQuery(f *testing.F) {
	f.Add("v=1&utm=2", "v=1")
	f.Add("v=1", "v=2")
	f.Add("%76=1", "v=1")
	f.Fuzz(func(t *testing.T, one, two string) {
		counting := &rules.Settings{Parameters: rules.Parameters{CacheKey: &rules.CacheKey{CustomKey: &rules.CustomKey{
			QueryString: &rules.Names{Excludes: []string{"utm"}},
		}}}}
		get := func(query string) (string, []string) {
			r := NewRequest(&rules.Rules{}, "GET", "http", "a", "/", http.Header{}, netip.Addr{})
			r.Query = query
			return Key(r, counting), keyQuery(r, counting)
		}
		key1, kept1 := get(one)
		key2, kept2 := get(two)
		require.Equal(t, len(kept1) == len(kept2) && equal(kept1, kept2), key1 == key2)
		for _, p := range kept1 {
			require.NotEqual(t, "utm", parameterName(p))
		}
	})
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
