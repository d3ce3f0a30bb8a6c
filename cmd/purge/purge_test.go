package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/zoneapi"
)

const (
	zone  = "0123456789abcdef0123456789abcdef"
	token = "not-a-real-token"
)

// api plays Cloudflare: it answers with the next reply, and with success when
// there is none.
type api struct {
	*httptest.Server
	mu      sync.Mutex
	replies []reply
	bodies  []string
}

type reply struct {
	status int
	body   string
	header [2]string
}

func newAPI(t *testing.T, replies ...reply) *api {
	a := &api{replies: replies}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/client/v4/zones/"+zone+"/purge_cache" ||
			r.Header.Get("Authorization") != "Bearer "+token || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("wrong request: %s %s %v %v", r.Method, r.URL, r.Header, err)
		}
		a.bodies = append(a.bodies, string(body))
		next := reply{status: 200, body: `{"success":true,"errors":[],"messages":[],"result":{"id":"x"}}`}
		if len(a.replies) > 0 {
			next, a.replies = a.replies[0], a.replies[1:]
		}
		if next.header[0] != "" {
			w.Header().Set(next.header[0], next.header[1])
		}
		w.WriteHeader(next.status)
		io.WriteString(w, next.body)
	}))
	t.Cleanup(a.Close)
	return a
}

// purge runs the command; a nil api is one that must not be called.
func purge(t *testing.T, a *api, secret string, arguments ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := command(func(name string) string { return map[string]string{zoneapi.TokenVariable: secret}[name] })
	if a != nil {
		arguments = append(arguments, "--api", a.URL+"/client/v4")
	}
	c.SetArgs(arguments)
	c.SetOut(&out)
	err := c.ExecuteContext(context.Background())
	if err != nil {
		require.NotContains(t, err.Error(), token)
	}
	return out.String(), err
}

func write(t *testing.T, files string) string {
	name := filepath.Join(t.TempDir(), "manifest.json")
	require.NoError(t, os.WriteFile(name, []byte(`{"format":1,"files":{`+files+`}}`), 0o600))
	return name
}

func entry(path, digit, more string) string {
	return fmt.Sprintf(`%q:{"sha256":%q%s}`, path, strings.Repeat(digit, 64), more)
}

func TestEachKindIsACallOfItsOwn(t *testing.T) {
	a := newAPI(t)
	out, err := purge(t, a, token, "--zone", zone, "--tag", "js", "--tag", "static", "--tag", "js",
		"--prefix", "www.example.com/static", "--file", "https://www.example.com/a?b=c")
	require.NoError(t, err)
	require.Equal(t, []string{
		`{"prefixes":["www.example.com/static"]}`, `{"tags":["js","static"]}`, `{"files":["https://www.example.com/a?b=c"]}`,
	}, a.bodies)
	require.Equal(t, "purged prefixes www.example.com/static\npurged tags js\npurged tags static\npurged files https://www.example.com/a?b=c\n", out)
}

func TestWhatDiffersBetweenReleases(t *testing.T) {
	before := write(t, entry("/static/a.css", "1", "")+","+entry("/same.js", "1", "")+","+entry("/old.1111.js", "1", `,"immutable":true`))
	after := write(t, entry("/static/a.css", "2", "")+","+entry("/same.js", "1", "")+","+entry("/new.js", "1", ""))
	a := newAPI(t)
	_, err := purge(t, a, token, "--zone", zone, "--before", before, "--after", after, "--host", "example.com", "--host", "www.example.com")
	require.NoError(t, err)
	require.Equal(t, []string{
		`{"prefixes":["example.com/new.js","example.com/static/a.css","www.example.com/new.js","www.example.com/static/a.css"]}`}, a.bodies)

	out, err := purge(t, nil, token, "--zone", zone, "--before", after, "--after", after, "--host", "example.com")
	require.NoError(t, err)
	require.Equal(t, "nothing to purge: the releases have the same files\n", out)
}

func TestManyNamesAreSeveralCalls(t *testing.T) {
	a := newAPI(t)
	arguments := []string{"--zone", zone}
	for i := range 2*mostNames + 1 {
		arguments = append(arguments, "--tag", fmt.Sprintf("t%02d", i))
	}
	_, err := purge(t, a, token, arguments...)
	require.NoError(t, err)
	var sizes []int
	for _, body := range a.bodies {
		var sent struct{ Tags []string }
		require.NoError(t, json.Unmarshal([]byte(body), &sent))
		sizes = append(sizes, len(sent.Tags))
	}
	require.Equal(t, []int{mostNames, mostNames, 1}, sizes)
}

func TestDryRunNeedsNoTokenAndCallsNobody(t *testing.T) {
	a := newAPI(t)
	out, err := purge(t, a, "", "--zone", zone, "--prefix", "www.example.com", "--dry-run")
	require.NoError(t, err)
	require.Equal(t, "would purge prefixes www.example.com\n", out)
	require.Empty(t, a.bodies)
}

func TestRetries(t *testing.T) {
	now := [2]string{"Retry-After", "0"}
	a := newAPI(t, reply{429, "", now}, reply{503, "", now})
	_, err := purge(t, a, token, "--zone", zone, "--tag", "js")
	require.NoError(t, err)
	require.Equal(t, []string{`{"tags":["js"]}`, `{"tags":["js"]}`, `{"tags":["js"]}`}, a.bodies, "each try sends the whole body")

	busy := newAPI(t)
	for range zoneapi.MostRetries + 1 {
		busy.replies = append(busy.replies, reply{429, `{"success":false,"errors":[{"code":971,"message":"throttled"}]}`, now})
	}
	_, err = purge(t, busy, token, "--zone", zone, "--tag", "js")
	require.EqualError(t, err, "0 of 1 calls made: HTTP 429: throttled (code 971); given up after 7 tries")

	patient := newAPI(t, reply{429, "", [2]string{"Retry-After", "3600"}})
	_, err = purge(t, patient, token, "--zone", zone, "--tag", "js", "--timeout", "1s")
	require.ErrorContains(t, err, "no success before --timeout")
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		reply reply
		want  string
	}{
		"token":    {reply{status: 403, body: `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`}, "HTTP 403: Authentication error (code 10000); the token needs the permission Cache Purge for zone " + zone},
		"request":  {reply{status: 400, body: `{"success":false,"errors":[{"code":1094,"message":"no"},{"code":1012,"message":"never"}]}`}, "HTTP 400: no (code 1094); never (code 1012)"},
		"no":       {reply{status: 200, body: `{"success":false,"errors":[]}`}, "HTTP 200: no reason given"},
		"proxy":    {reply{status: 200, body: `<html>`}, "HTTP 200: the answer is not the API's; is --api right?"},
		"redirect": {reply{307, "", [2]string{"Location", "http://127.0.0.1:1/"}}, "HTTP 307: the answer is not the API's; is --api right?"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, reply{status: 200, body: `{"success":true}`}, c.reply)
			out, err := purge(t, a, token, "--zone", zone, "--prefix", "www.example.com", "--tag", "js")
			require.EqualError(t, err, "1 of 2 calls made: "+c.want)
			require.Equal(t, "purged prefixes www.example.com\n", out)
			require.Len(t, a.bodies, 2, "a refusal is not repeated")
		})
	}
}

func TestMistakesComeAllAtOnceAndBeforeAnyCall(t *testing.T) {
	good := write(t, entry("/a", "1", ""))
	for name, c := range map[string]struct {
		secret    string
		arguments []string
		want      string
	}{
		"nothing":     {token, []string{"--zone", zone}, "purge: nothing is named, give --prefix, --tag, --file or --before and --after"},
		"two":         {"", []string{"--zone", "x", "--tag", "a"}, "--zone: \"x\" is not 32 hexadecimal digits\nCLOUDFLARE_API_TOKEN: is not set; make an API token with the permission Cache Purge for the zone"},
		"token":       {token + "\n", []string{"--zone", zone, "--tag", "a"}, "CLOUDFLARE_API_TOKEN: holds a space, a line break or a character beyond ASCII"},
		"tag":         {token, []string{"--zone", zone, "--tag", "a,b"}, `--tag: "a,b" is not 1 to 1024 printable characters without space and comma`},
		"file":        {token, []string{"--zone", zone, "--file", "/a"}, `--file: "/a" is not a URL such as https://www.example.com/static/app.css`},
		"prefix":      {token, []string{"--zone", zone, "--prefix", "https://www.example.com"}, `--prefix: "https://www.example.com" is not a host and a path such as www.example.com/static`},
		"query":       {token, []string{"--zone", zone, "--prefix", "a.b/c?d"}, `--prefix: "a.b/c?d" is not a host and a path such as www.example.com/static`},
		"deep prefix": {token, []string{"--zone", zone, "--prefix", "a" + strings.Repeat("/a", 32)}, `--prefix: "a` + strings.Repeat("/a", 32) + `" has more than 31 slashes`},
		"timeout":     {token, []string{"--zone", zone, "--tag", "a", "--timeout", "0s"}, "--timeout: 0s is not between 1s and 1h"},
		"api":         {token, []string{"--zone", zone, "--tag", "a", "--api", "api"}, `--api: "api" is not a base URL such as https://api.cloudflare.com/client/v4`},
		"clear":       {token, []string{"--zone", zone, "--tag", "a", "--api", "http://192.0.2.1"}, `--api: "http://192.0.2.1" would send the token unencrypted, http is for this machine only`},
		"host":        {token, []string{"--zone", zone, "--before", good, "--after", good}, "--host: is required with --before and --after"},
		"host form":   {token, []string{"--zone", zone, "--before", good, "--after", good, "--host", "a/b"}, `--host: "a/b" is not a host name`},
		"host alone":  {token, []string{"--zone", zone, "--tag", "a", "--host", "a"}, "--host: 1 given, only --before and --after use it"},
		"before":      {token, []string{"--zone", zone, "--after", good, "--host", "a"}, "--before: is required, a comparison takes --before and --after"},
		"no file":     {token, []string{"--zone", zone, "--before", good, "--after", "/none.json", "--host", "a"}, "--after: open /none.json: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := purge(t, nil, c.secret, c.arguments...)
			require.EqualError(t, err, c.want)
			require.Empty(t, out)
		})
	}
}
