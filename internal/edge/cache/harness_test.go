package cache_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/cache"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// bench is an edge with a clock of its own in front of a scripted origin.
type bench struct {
	t      *testing.T
	edge   *cache.Edge
	server *httptest.Server
	origin *httptest.Server
	// arrived counts requests at the edge, asked those at the origin.
	arrived, asked atomic.Int64
	mu             sync.Mutex
	now            time.Time
	script         http.HandlerFunc
	last           *http.Request
}

// rule writes one rule as the provider's emulator does.
func rule(ref, expression, parameters string) string {
	quoted, _ := json.Marshal(expression)
	return fmt.Sprintf(`{"ref":%q,"enabled":true,"description":"","action":"set_cache_settings","expression":%s,"actionParameters":%s}`,
		ref, quoted, parameters)
}

// page writes the properties of a page rule.
func page(priority int, target, actions string) string {
	return fmt.Sprintf(`{"priority":%d,"target":%q,"status":"active","actions":%s}`, priority, target, actions)
}

// zoneFiles are what the provider's emulator has written of a zone.
type zoneFiles struct {
	settings, normalization string
	rules, pages            []string
}

func (z zoneFiles) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(kind string, properties ...string) {
		resources := make([]string, len(properties))
		for i, p := range properties {
			resources[i] = fmt.Sprintf(`"r%d":{"version":1,"properties":%s}`, i, p)
		}
		content := fmt.Sprintf(`{"kind":%q,"resources":{%s}}`, kind, strings.Join(resources, ","))
		require.NoError(t, os.WriteFile(filepath.Join(dir, kind+".json"), []byte(content), 0o600))
	}
	write("ruleset", `{"phase":"http_request_cache_settings","rules":[`+strings.Join(z.rules, ",")+`]}`)
	write("pageRule", z.pages...)
	if z.settings != "" {
		write("zoneSettingsOverride", `{"settings":`+z.settings+`}`)
	}
	if z.normalization != "" {
		write("urlNormalizationSettings", z.normalization)
	}
	return dir
}

func writeZone(t *testing.T, settings string, all ...string) string {
	t.Helper()
	return zoneFiles{settings: settings, rules: all}.write(t)
}

func newBench(t *testing.T, dir string, script http.HandlerFunc) *bench {
	t.Helper()
	loaded, err := rules.Load(dir)
	require.NoError(t, err)
	b := &bench{t: t, script: script, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.origin = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked.Add(1)
		b.mu.Lock()
		b.last = r.Clone(r.Context())
		answer := b.script
		b.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(b.origin.Close)
	address, err := url.Parse(b.origin.URL)
	require.NoError(t, err)
	b.edge = cache.New(cache.Options{Origin: address, Rules: func() *rules.Rules { return loaded }, Now: b.clock, MaxObject: 1 << 20})
	b.server = httptest.NewUnstartedServer(b.edge)
	b.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateActive {
			b.arrived.Add(1)
		}
	}
	b.server.Start()
	t.Cleanup(b.server.Close)
	return b
}

// waitFor returns when n requests are at the edge, or the test has failed.
func (b *bench) waitFor(n int64) {
	assert.Eventually(b.t, func() bool { return b.arrived.Load() >= n }, 10*time.Second, time.Millisecond)
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) wait(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) answerWith(script http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.script = script
}

func (b *bench) lastAsked() *http.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// reply is what a visitor got.
type reply struct {
	status int
	cache  string
	body   string
	header http.Header
}

// get sends a target exactly as written, which net/http's client would not.
func (b *bench) get(target string, header ...string) reply {
	return b.send("GET", target, "", header...)
}

func (b *bench) send(method, target, body string, header ...string) reply {
	b.t.Helper()
	connection, err := net.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(b.t, err)
	defer connection.Close()
	require.NoError(b.t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	var request bytes.Buffer
	fmt.Fprintf(&request, "%s %s HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n", method, target)
	for _, line := range header {
		request.WriteString(line + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&request, "Content-Length: %d\r\n", len(body))
	}
	request.WriteString("\r\n" + body)
	_, err = connection.Write(request.Bytes())
	require.NoError(b.t, err)
	content, err := io.ReadAll(connection)
	require.NoError(b.t, err)
	return parseReply(b.t, method, content)
}

func parseReply(t *testing.T, method string, content []byte) reply {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(content)), &http.Request{Method: method})
	require.NoError(t, err, "%s", content)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return reply{response.StatusCode, response.Header.Get("Cf-Cache-Status"), string(body), response.Header}
}

// say is an origin that answers always the same.
func say(body string, header ...string) http.HandlerFunc { return sayStatus(200, body, header...) }

func sayStatus(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain"}
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			if name == "Content-Type" {
				w.Header().Del(name)
			}
			w.Header().Add(name, value)
		}
		if tag := w.Header().Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}
