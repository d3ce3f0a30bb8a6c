//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	release "github.com/scalestack/scalestack/internal/manifest"
)

// where make up puts the local edge, and that one's API.
const (
	edge     = "http://127.0.0.1:18088"
	edgeAPI  = "http://127.0.0.1:18089/client/v4"
	edgeZone = "0123456789abcdef0123456789abcdef"
	site     = "www.example.com"
)

// edgeAnswer is what a visitor gets.
type edgeAnswer struct {
	status int
	cache  string
	header http.Header
	body   string
}

// throughEdge asks as a visitor of the site would, each time another one. headers are
// names and values.
func throughEdge(t *testing.T, path string, headers ...string) edgeAnswer {
	t.Helper()
	return throughEdgeFrom(t, "", path, headers...)
}

// throughEdgeFrom asks from one address of this machine, "" from another each time.
func throughEdgeFrom(t *testing.T, address, path string, headers ...string) edgeAnswer {
	t.Helper()
	visitor := &http.Transport{DialContext: dialFrom(address), DisableKeepAlives: true, DisableCompression: true}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, edge, nil)
	require.NoError(t, err)
	// The path goes out as it is written, which a parsed URL's would not.
	request.URL.Opaque = "//" + site + path
	request.Host = site
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := visitor.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return edgeAnswer{response.StatusCode, response.Header.Get("cf-cache-status"), response.Header, string(text)}
}

// releasedAssets are the paths and hashes of the running release's files.
func releasedAssets(t *testing.T) map[string]release.File {
	t.Helper()
	m, err := release.Read(strings.NewReader(command(t, "go", "run", "-C", "services/users", "./cmd/users", "assets")))
	require.NoError(t, err)
	return m.Files
}

func purge(t *testing.T, names ...string) string {
	t.Helper()
	return command(t, "go", append([]string{"run", "./cmd/purge", "--api", edgeAPI, "--zone", edgeZone}, names...)...)
}

// The second visitor of each asset gets it from the edge, byte for byte, until a
// release purges it.
func TestAssetsComeFromTheEdge(t *testing.T) {
	purge(t, "--tag", "static", "--tag", "images", "--tag", "js")
	hashed := 0
	for path, file := range releasedAssets(t) {
		first, second := throughEdge(t, path), throughEdge(t, path)
		require.Equal(t, []any{200, "MISS", 200, "HIT"}, []any{first.status, first.cache, second.status, second.cache}, path)
		sum := sha256.Sum256([]byte(second.body))
		require.Equal(t, file.SHA256, hex.EncodeToString(sum[:]), path)
		require.NotEmpty(t, second.header.Get("age"), path)
		require.Empty(t, second.header.Get("cache-tag"), "tags are for the edge alone")
		if file.Immutable {
			hashed++
			require.Equal(t, "public, max-age=31536000, immutable", second.header.Get("cache-control"), path)
		}
	}
	require.Equal(t, 3, hashed, "one hashed name in each of /static/, /images/ and /js/")
}

func TestAPurgeMakesTheEdgeAskAgain(t *testing.T) {
	const inside, outside = "/static/app.css", "/js/app.js"
	for name, purged := range map[string][]string{"tag": {"--tag", "static"}, "prefix": {"--prefix", site + "/static"}} {
		for _, path := range []string{inside, outside} {
			throughEdge(t, path)
			require.Equal(t, "HIT", throughEdge(t, path).cache)
		}
		purge(t, purged...)
		require.Equal(t, "MISS", throughEdge(t, inside).cache, name)
		require.Equal(t, "HIT", throughEdge(t, outside).cache, name)
	}
}

func TestTheAPIIsNeverCached(t *testing.T) {
	c := newClient(t)
	require.NoError(t, c.put(78, profile{Name: "fresh", Email: "fresh@example.com"}))
	for _, path := range []string{"/users/78", "/Users/78", "/api/anything.css", "/users/78?x=.css"} {
		for range 2 {
			got := throughEdge(t, path)
			require.Equal(t, "DYNAMIC", got.cache, path)
			require.Empty(t, got.header.Get("age"), path)
		}
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		got := throughEdge(t, path)
		require.Equal(t, []any{http.StatusNotFound, "DYNAMIC"}, []any{got.status, got.cache}, "%s is on a port of its own", path)
	}
	for path := range releasedAssets(t) {
		require.Equal(t, "DYNAMIC", throughEdge(t, path, "Authorization", "Bearer x").cache, path)
	}
}

// A file that a release does not have yet must not stay missing.
func TestAMissingFileIsNotKept(t *testing.T) {
	for range 2 {
		got := throughEdge(t, "/static/app.0000000000000000.css")
		require.Equal(t, []any{http.StatusNotFound, "BYPASS"}, []any{got.status, got.cache})
	}
}

// However a user's path is spelled, the edge keeps no copy of the page.
func TestNobodyGetsAnothersPage(t *testing.T) {
	const page = "/users/77"
	c := newClient(t)
	require.NoError(t, c.put(77, profile{Name: "private", Email: "private@example.com"}))
	shown := 0
	for _, path := range disguises(page) {
		for range 2 {
			got := throughEdge(t, path)
			if !strings.Contains(got.body, "private@example.com") {
				continue
			}
			shown++
			require.Equal(t, "DYNAMIC", got.cache, path)
		}
	}
	require.Greater(t, shown, 8, "attacks that never reach the page prove nothing")
}

// disguises make a path look like one that is cached: to servers that decode
// more, split paths elsewhere or know no case.
func disguises(page string) []string {
	paths := []string{
		page, strings.ToUpper(page), "/" + page, "/." + page, page + "/", page + ".css", page + "/x.css", page + ";.css", page + ";x=/a.css",
		page + "%3b.css", page + "%2f.css", page + "%2F.css", page + "%5c.css", page + "%00.css", page + "%0a.css", page + "%23.css",
		page + "%3f.css", page + "?.css", page + "?/static/app.css", page + "?x=.css", "/%75sers/77", "/%2575sers/77", "/users%2f77.css",
		page + "/../../static/app.css", page + "/%2e%2e/%2e%2e/static/app.css", page + "/..;/..;/static/app.css",
	}
	for _, folder := range []string{"/static/", "/images/", "/js/", "/static/app.css/"} {
		for _, up := range []string{"..", "../..", "%2e%2e", ".%2e", "..%2f..", "..%5c", `..\`, "..;", "..;x", "%252e%252e", "//..", "x/../..", "..%00"} {
			paths = append(paths, folder+up+page, folder+up+page+".css")
		}
	}
	return paths
}

// The origin's headers and the rules that are applied mean the same.
func TestTheOriginFitsTheRules(t *testing.T) {
	paths := []string{"/users/78", "/users/79"}
	for path := range releasedAssets(t) {
		paths = append(paths, path)
	}
	report := command(t, ".lab/bin/edge", append([]string{"verify-origin", "--rules", ".lab/data/cloudflare", "--host", site,
		"--origin", "http://" + serviceAddress(t, outputs(t).Namespace, "app")}, paths...)...)
	require.Contains(t, report, "8 paths, 0 wrong")
	require.Contains(t, report, "rule bypass-api bypasses the cache")
}

// visitors counts the addresses that asked.
var visitors atomic.Uint32

// dialFrom gives each connection an address of 127.0.0.0/8 of its own, or the one that
// is given. A new connection for each request outlives the app's rollouts.
func dialFrom(address string) func(context.Context, string, string) (net.Conn, error) {
	ip := net.ParseIP(address)
	if ip == nil {
		n := visitors.Add(1)
		ip = net.IPv4(127, 1, byte(n>>8), byte(n))
	}
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}).DialContext
}

// The rate limit of the stack's record: one address that sends more than a person is
// blocked, and nobody else.
func TestTheEdgeLimitsRequests(t *testing.T) {
	const flood = "127.2.0.1"
	limited := func(got edgeAnswer) bool {
		return got.status == http.StatusTooManyRequests && got.header.Get("x-edge-rule") == "writes"
	}
	passed := 0
	for !limited(throughEdgeFrom(t, flood, "/users/1")) {
		passed++
		require.Less(t, passed, 1000)
	}
	require.GreaterOrEqual(t, passed, 100, "100 requests in ten seconds pass")
	require.True(t, limited(throughEdgeFrom(t, flood, "/USERS/2")), "for the whole timeout and under every spelling")
	require.False(t, limited(throughEdge(t, "/users/1")), "another address")
	require.Equal(t, http.StatusOK, throughEdgeFrom(t, flood, "/static/app.css").status, "files are not counted")
	eventually(t, 15*time.Second, "the address is let in again", func() error {
		if got := throughEdgeFrom(t, flood, "/users/1"); limited(got) {
			return fmt.Errorf("blocked for another %s s", got.header.Get("retry-after"))
		}
		return nil
	})
}
