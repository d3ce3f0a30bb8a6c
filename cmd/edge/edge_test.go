package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const defaults = "../../components/cdn/testdata/edge"

func run(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	var output bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(input))
	root.SetOut(&output)
	err := root.ExecuteContext(context.Background())
	return output.String(), err
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func TestServe(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }))
	defer origin.Close()
	listen, admin := freeAddress(t), freeAddress(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	root := newRoot()
	root.SetArgs([]string{"serve", "--listen", listen, "--admin", admin, "--origin", origin.URL, "--rules", defaults})
	go func() { ended <- root.ExecuteContext(ctx) }()
	get := func(url string) (int, string) {
		response, err := http.Get(url)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		io.Copy(io.Discard, response.Body)
		return response.StatusCode, response.Header.Get("Cf-Cache-Status")
	}
	require.Eventually(t, func() bool { status, _ := get("http://" + admin + "/__edge/ready"); return status == 200 }, 10*time.Second, 10*time.Millisecond)
	for _, want := range []string{"MISS", "HIT"} {
		_, status := get("http://" + listen + "/static/a.js")
		require.Equal(t, want, status)
	}
	_, status := get("http://" + listen + "/__edge/ready")
	require.Equal(t, "DYNAMIC", status, "visitors cannot reach the admin's paths")
	response, err := http.Post("http://"+admin+"/__edge/purge", "application/json", strings.NewReader(fmt.Sprintf(`{"prefixes":["%s/static"]}`, listen)))
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), `"purged":1`)
	_, status = get("http://" + listen + "/static/a.js")
	require.Equal(t, "MISS", status)
	stop()
	require.NoError(t, <-ended)
}

func TestHitRatio(t *testing.T) {
	log, err := run(t, "", "generate-log", "--lines", "20000", "--seed", "7")
	require.NoError(t, err)
	require.Equal(t, 20000, strings.Count(log, "\n"))
	dir := t.TempDir()
	file, plot := filepath.Join(dir, "access.log"), filepath.Join(dir, "out.svg")
	require.NoError(t, os.WriteFile(file, []byte(log), 0o600))
	report, err := run(t, "", "hit-ratio", "--rules", defaults, "--log", file, "--plot", plot)
	require.NoError(t, err)
	require.Contains(t, report, "of static paths")
	require.Contains(t, report, "bypass-api")
	drawn, err := os.ReadFile(plot)
	require.NoError(t, err)
	require.Contains(t, string(drawn), "<svg")
	piped, err := run(t, log, "hit-ratio", "--rules", defaults)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSuffix(report, "plot: "+plot+"\n"), piped)
	_, err = run(t, log, "hit-ratio", "--rules", defaults, "--goal", "100")
	require.ErrorContains(t, err, "below the goal of 100 %")
}

func TestVerifyOrigin(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private")
	}))
	defer origin.Close()
	report, err := run(t, "", "verify-origin", "--rules", defaults, "--origin", origin.URL, "--paths", "/static/a.js,/users/1", "/page")
	require.EqualError(t, err, "1 of 3 paths are not what their rules say")
	require.Contains(t, report, "WRONG: the origin says private")
}

func TestMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"serve --origin x --rules y":                                       `--origin: "x" is not a base URL such as http://10.0.0.1:80`,
		"serve --origin http://x --rules y --admin 0.0.0.0:1":              `--admin: "0.0.0.0:1" is not a loopback address with a port`,
		"serve --origin http://x --rules y --scheme ftp":                   `--scheme: "ftp" is not http or https`,
		"serve --origin http://x --rules y --capacity 0":                   `--capacity: 0 is not at least 1`,
		"serve --origin http://x --rules /nowhere":                         "open /nowhere: no such file or directory",
		"serve --origin http://x":                                          `required flag(s) "rules" not set`,
		"hit-ratio --rules " + defaults + " --goal 101":                    "--goal: 101 is not between 0 and 100",
		"hit-ratio --rules " + defaults + " --warm-up -1h":                 "--warm-up: -1h0m0s is negative",
		"hit-ratio --rules " + defaults + " --log /nowhere":                "open /nowhere: no such file or directory",
		"generate-log --lines -1":                                          "--lines: -1 is negative",
		"generate-log --images -1":                                         "--images: -1 is negative",
		"generate-log --robots 100":                                        "--robots: 100 is not at least 0 and below 100",
		"verify-origin --rules " + defaults + " --origin http://x":         "no path given: --paths /static/app.js,/images/logo.png",
		"verify-origin --rules " + defaults + " --origin http://x static/": `--paths: "static/" does not begin with /`,
	} {
		_, err := run(t, "", strings.Fields(args)...)
		require.EqualError(t, err, want, args)
	}
}
