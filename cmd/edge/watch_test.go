package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/zoneapi"
)

func TestWatch(t *testing.T) {
	api, _ := graphQL(t, map[string]string{"/static/%": groups(`{"count":80,"dimensions":{"cacheStatus":"hit"}},{"count":20,"dimensions":{"cacheStatus":"miss"}}`)})
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("expired\n"), 0o600))
	listen := freeAddress(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	root := newRoot()
	root.SetArgs([]string{"watch", "--zone", zone, "--api", api, "--path", "/static/*", "--listen", listen, "--token-file", token, "--interval", "2s"})
	go func() { ended <- root.ExecuteContext(ctx) }()
	get := func(path string) (int, string) {
		response, err := http.Get("http://" + listen + path)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	require.Eventually(t, func() bool { status, _ := get("/healthz"); return status == 200 }, 10*time.Second, 10*time.Millisecond)
	status, _ := get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status, "the API refuses the token")
	require.NoError(t, os.WriteFile(token, []byte("secret\n"), 0o600))
	require.Eventually(t, func() bool { status, _ := get("/readyz"); return status == 200 }, 20*time.Second, 50*time.Millisecond)
	_, metrics := get("/metrics")
	require.Regexp(t, `scalestack_edge_requests_total\{path="/static/\*",status="hit"\} [1-9]`, metrics)
	require.Contains(t, metrics, `scalestack_edge_requests_total{path="/static/*",status="dynamic"} 0`)
	stop()
	require.NoError(t, <-ended)
}

func TestWatchNamesEachMistake(t *testing.T) {
	t.Setenv(zoneapi.TokenVariable, "")
	_, err := run(t, "", "watch", "--zone", "x", "--path", "static", "--interval", "1ms", "--settled", "2h", "--listen", "9090")
	require.EqualError(t, err, `--zone: "x" is not 32 hexadecimal digits
CLOUDFLARE_API_TOKEN: is not set; make an API token with the permission Analytics Read for the zone
--path: "static" is not a path, or a folder such as /static/*
--interval: 1ms is not between 1s and 1h
--settled: 2h0m0s is not between 0s and 1h
--listen: "9090" is not an address with a port, such as :9090`)
	empty := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = run(t, "", "watch", "--zone", zone, "--token-file", empty, "--path", strings.Repeat("/a,", 99)+"/a", "--interval", "1m")
	require.EqualError(t, err, `--token-file: `+empty+` holds no token
--interval: 1m0s is too often for 100 paths: at least 3m20s`)
}
