package cache_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/cache"
)

// many sends n equal requests, which all arrive before the origin answers one.
func many(b *bench, n int, target string, header func(i int) string) []reply {
	var group sync.WaitGroup
	replies := make([]reply, n)
	for i := range n {
		group.Go(func() { replies[i] = b.get(target, header(i)) })
	}
	group.Wait()
	return replies
}

func TestEqualRequestsAskOnce(t *testing.T) {
	var b *bench
	b = newBench(t, writeZone(t, ""), func(w http.ResponseWriter, r *http.Request) {
		b.waitFor(20)
		io.WriteString(w, "a")
	})
	counts := map[string]int{}
	for _, r := range many(b, 20, "/a.css", func(i int) string { return fmt.Sprint("X-Visitor: ", i) }) {
		require.Equal(t, "a", r.body)
		counts[r.cache]++
	}
	require.EqualValues(t, 1, b.asked.Load())
	require.Equal(t, map[string]int{"MISS": 1, "HIT": 19}, counts)
}

// Waiting together must not mean sharing: what may not be kept is fetched by
// each for itself.
func TestEqualRequestsDoNotShareWhatIsPrivate(t *testing.T) {
	var b *bench
	b = newBench(t, writeZone(t, ""), func(w http.ResponseWriter, r *http.Request) {
		b.waitFor(20)
		w.Header().Set("Cache-Control", "private")
		io.WriteString(w, "for "+r.Header.Get("Cookie"))
	})
	for i, r := range many(b, 20, "/a.css", func(i int) string { return fmt.Sprint("Cookie: user=", i) }) {
		require.Equal(t, fmt.Sprint("for user=", i), r.body)
		require.Equal(t, "BYPASS", r.cache)
	}
}

func TestStaleWhileRevalidateBringsTheNewCopy(t *testing.T) {
	b := newBench(t, writeZone(t, ""), say("a", "Cache-Control: max-age=5, stale-while-revalidate=60"))
	b.get("/a.css")
	b.wait(6 * time.Second)
	b.answerWith(say("b", "Cache-Control: max-age=5"))
	require.Equal(t, "UPDATING", b.get("/a.css").cache)
	require.Eventually(t, func() bool { r := b.get("/a.css"); return r.cache == "HIT" && r.body == "b" }, 5*time.Second, 5*time.Millisecond)
}

func TestAnOriginThatIsGoneIsCovered(t *testing.T) {
	b := newBench(t, writeZone(t, ""), say("a", "Cache-Control: max-age=5"))
	b.get("/a.css")
	b.origin.Close()
	b.wait(time.Hour)
	require.Equal(t, "STALE", b.get("/a.css").cache)
	gone := b.get("/b.css")
	require.Equal(t, http.StatusBadGateway, gone.status)
	require.Equal(t, "no-store", gone.header.Get("Cache-Control"))
	require.Equal(t, http.StatusBadGateway, b.get("/page").status)
}

func TestCompressionFollowsTheVisitor(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "hello")
	require.NoError(t, z.Close())
	b := newBench(t, writeZone(t, ""), say(packed.String(), "Content-Encoding: gzip", `Etag: "1"`, "Vary: Accept-Encoding"))
	plain := b.get("/a.css")
	require.Equal(t, "hello", plain.body)
	require.Equal(t, `W/"1"`, plain.header.Get("Etag"))
	encoded := b.get("/a.css", "Accept-Encoding: br, gzip;q=0.5")
	require.Equal(t, []string{"HIT", packed.String(), "gzip", `"1"`},
		[]string{encoded.cache, encoded.body, encoded.header.Get("Content-Encoding"), encoded.header.Get("Etag")})
	require.Equal(t, "hello", b.get("/a.css", "Accept-Encoding: gzip;q=0").body)
	require.Equal(t, "gzip", b.lastAsked().Header.Get("Accept-Encoding"))
	b.answerWith(say(packed.String(), "Content-Encoding: gzip", "Cache-Control: private"))
	require.Equal(t, "hello", b.get("/private.css").body)
}

func TestTheOriginGetsTheVisitorsURLAndAddress(t *testing.T) {
	b := newBench(t, writeZone(t, ""), say("a"))
	for _, target := range []string{"/%61//b/../c.css?x=%zz&y", "//evil.example/a.css", "/page/%2e%2e/x", `/a\b.css`} {
		b.get(target, "X-Forwarded-For: 203.0.113.9", "Cf-Connecting-Ip: 203.0.113.9", "X-Forwarded-Host: other.example")
		r := b.lastAsked()
		require.Contains(t, r.RequestURI, target)
		require.Equal(t, "www.example.com", r.Host)
		require.Equal(t, "203.0.113.9, 127.0.0.1", r.Header.Get("X-Forwarded-For"))
		require.Equal(t, "127.0.0.1", r.Header.Get("Cf-Connecting-Ip"))
		require.Equal(t, "other.example", r.Header.Get("X-Forwarded-Host"))
	}
}

func TestOtherProtocolsPass(t *testing.T) {
	b := newBench(t, writeZone(t, ""), func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "echo" || r.Header.Get("X-Hop") != "" {
			http.Error(w, "no upgrade", http.StatusBadRequest)
			return
		}
		connection, buffer, err := http.NewResponseController(w).Hijack()
		require.NoError(t, err)
		defer connection.Close()
		io.WriteString(buffer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
		require.NoError(t, buffer.Flush())
	})
	connection, err := net.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(t, err)
	defer connection.Close()
	io.WriteString(connection, "GET /a.css HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, X-Hop\r\nUpgrade: echo\r\nX-Hop: 1\r\n\r\n")
	require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
	answer, err := io.ReadAll(connection)
	require.NoError(t, err)
	require.Contains(t, string(answer), "101 Switching Protocols")
	require.Contains(t, string(answer), "hello")
}

func TestBodiesReachTheOrigin(t *testing.T) {
	b := newBench(t, writeZone(t, ""), func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	require.Equal(t, "hello", b.send("POST", "/a.css", "hello").body)
	fat := b.send("GET", "/a.css", "poison")
	require.Equal(t, []string{"DYNAMIC", "poison"}, []string{fat.cache, fat.body})
	require.Equal(t, "", b.get("/a.css").body)
}

func TestPurge(t *testing.T) {
	for name, c := range map[string]struct {
		purge string
		gone  []string
	}{
		"everything": {`{"purge_everything":true}`, []string{"/static/a.css", "/static/a.css?v=1", "/static2/b.css", "/js/c.js"}},
		"file":       {`{"files":["http://WWW.example.com/static/%61.css"]}`, []string{"/static/a.css"}},
		"query":      {`{"files":["http://www.example.com/static/a.css?v=1"]}`, []string{"/static/a.css?v=1"}},
		"prefix":     {`{"prefixes":["www.example.com/static"]}`, []string{"/static/a.css", "/static/a.css?v=1"}},
		"tag":        {`{"tags":["JS"]}`, []string{"/js/c.js"}},
		"host":       {`{"hosts":["other.example.com"]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, writeZone(t, ""), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Tag", strings.Split(r.URL.Path, "/")[1]+", release-1")
			})
			targets := []string{"/static/a.css", "/static/a.css?v=1", "/static2/b.css", "/js/c.js"}
			for _, target := range targets {
				require.Equal(t, "MISS", b.get(target).cache)
			}
			w := httptest.NewRecorder()
			b.edge.Admin(func() error { return nil }).ServeHTTP(w,
				httptest.NewRequest("POST", "/client/v4/zones/0/purge_cache", strings.NewReader(c.purge)))
			var answer struct{ Result struct{ Purged int } }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
			require.Equal(t, len(c.gone), answer.Result.Purged, w.Body)
			for _, target := range targets {
				want := "HIT"
				for _, gone := range c.gone {
					if gone == target {
						want = "MISS"
					}
				}
				require.Equal(t, want, b.get(target).cache, target)
			}
		})
	}
}

func TestPurgeRefusesWhatItCannotRead(t *testing.T) {
	b := newBench(t, writeZone(t, ""), say("a"))
	for body, want := range map[string]string{
		`{}`: "exactly one of", `{"tags":["a"],"hosts":["b"]}`: "exactly one of", `{"file":["a"]}`: "unknown field",
		`{"files":["/a"]}`: `\"/a\" is not a URL`, `{"prefixes":["http://a/b"]}`: "is not a prefix",
		`{"tags":[` + strings.Repeat(`"a",`, 30) + `"b"]}`: "31 names given, one call takes 30",
	} {
		w := httptest.NewRecorder()
		b.edge.Admin(func() error { return nil }).ServeHTTP(w, httptest.NewRequest("POST", "/__edge/purge", strings.NewReader(body)))
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Contains(t, w.Body.String(), want)
	}
}

// A purge that comes while the origin is being asked must win over the answer.
func TestPurgeBeatsAnAnswerOnItsWay(t *testing.T) {
	var b *bench
	b = newBench(t, writeZone(t, ""), func(w http.ResponseWriter, r *http.Request) {
		_, err := b.edge.Purge(cache.Purge{Everything: true})
		require.NoError(t, err)
		io.WriteString(w, "old")
	})
	require.Equal(t, "old", b.get("/a.css").body)
	b.answerWith(say("new"))
	require.Equal(t, reply{200, "MISS", "new", nil}, withoutHeader(b.get("/a.css")))
}

func withoutHeader(r reply) reply { r.header = nil; return r }

func TestTheLeastUsedGoesFirst(t *testing.T) {
	b := newBench(t, writeZone(t, ""), say(strings.Repeat("x", 1000)))
	small := cache.New(cache.Options{Origin: b.edge.Origin, Rules: b.edge.Rules, Capacity: 4000})
	status := func(target string) string {
		w := httptest.NewRecorder()
		small.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		return w.Header().Get("Cf-Cache-Status")
	}
	require.Equal(t, "MISS", status("/a.css"))
	require.Equal(t, "MISS", status("/b.css"))
	require.Equal(t, "HIT", status("/a.css"))
	require.Equal(t, "MISS", status("/c.css"))
	require.Equal(t, "HIT", status("/a.css"))
	require.Equal(t, "MISS", status("/b.css"))
}

func TestReady(t *testing.T) {
	b := newBench(t, writeZone(t, ""), say("a"))
	w := httptest.NewRecorder()
	b.edge.Admin(func() error { return fmt.Errorf("no rules") }).ServeHTTP(w, httptest.NewRequest("GET", "/__edge/ready", nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), "no rules")
	w = httptest.NewRecorder()
	b.edge.Admin(func() error { return nil }).ServeHTTP(w, httptest.NewRequest("GET", "/__edge/ready", nil))
	require.Contains(t, w.Body.String(), "scalestack-edge: 0 objects")
}

func TestAnswersAreCountedByStatus(t *testing.T) {
	b := newBench(t, writeZone(t, ""), func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a") })
	for _, target := range []string{"/a.css", "/a.css", "/api"} {
		b.get(target, "")
	}
	require.Equal(t, map[string]int64{"MISS": 1, "HIT": 1, "DYNAMIC": 1}, b.edge.Answers())
	w := httptest.NewRecorder()
	b.edge.Admin(func() error { return nil }).ServeHTTP(w, httptest.NewRequest("GET", "/__edge/answers", nil))
	require.JSONEq(t, `{"MISS":1,"HIT":1,"DYNAMIC":1}`, w.Body.String())
}
