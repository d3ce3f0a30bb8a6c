package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/zoneapi"
)

const zone = "0123456789abcdef0123456789abcdef"

// graphQL answers by path pattern, and keeps what it was asked.
func graphQL(t *testing.T, answers map[string]string) (api string, asked *[]map[string]string) {
	t.Helper()
	asked = &[]map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Query     string
			Variables map[string]string
		}
		if r.URL.Path != "/graphql" || r.Header.Get("Authorization") != "Bearer secret" || json.NewDecoder(r.Body).Decode(&body) != nil {
			http.Error(w, `{"data":null,"errors":[{"message":"not authorized"}]}`, http.StatusForbidden)
			return
		}
		*asked = append(*asked, body.Variables)
		io.WriteString(w, answers[body.Variables["path"]])
	}))
	t.Cleanup(server.Close)
	t.Setenv(zoneapi.TokenVariable, "secret")
	return server.URL, asked
}

func groups(inner string) string {
	return `{"data":{"viewer":{"zones":[{"httpRequestsAdaptiveGroups":[` + inner + `]}]}},"errors":null}`
}

func TestZoneRatio(t *testing.T) {
	api, asked := graphQL(t, map[string]string{
		"/static/%": groups(`{"count":80,"dimensions":{"cacheStatus":"hit"}},{"count":10,"dimensions":{"cacheStatus":"revalidated"}},{"count":10,"dimensions":{"cacheStatus":"miss"}},{"count":500,"dimensions":{"cacheStatus":"none"}}`),
		"/logo.png": groups(`{"count":100,"dimensions":{"cacheStatus":"dynamic"}}`),
		"/empty/%":  groups(``),
	})
	args := []string{"zone-ratio", "--zone", zone, "--api", api, "--path", "/static/*", "--path", "/logo.png", "--path", "/empty/*"}
	out, err := run(t, "", args...)
	require.NoError(t, err)
	require.Equal(t, `path         requests  from the cache  by status
/static/*    100       90.0 %          hit 80, miss 10, none 500, revalidated 10
/logo.png    100       0.0 %           dynamic 100
/empty/*     0         -               
all of them  200       45.0 %          dynamic 100, hit 80, miss 10, none 500, revalidated 10
`, out)
	from, err := time.Parse(time.RFC3339, (*asked)[0]["from"])
	require.NoError(t, err)
	to, err := time.Parse(time.RFC3339, (*asked)[0]["to"])
	require.NoError(t, err)
	require.Equal(t, 23*time.Hour, to.Sub(from), "within a day, which every plan allows")
	require.Equal(t, zone, (*asked)[0]["zone"])

	_, err = run(t, "", append(args, "--goal", "45")...)
	require.NoError(t, err)
	_, err = run(t, "", append(args, "--goal", "85")...)
	require.EqualError(t, err, "the hit ratio is 45.0 %, below the goal of 85 %")
	_, err = run(t, "", "zone-ratio", "--zone", zone, "--api", api, "--path", "/empty/*", "--goal", "1")
	require.ErrorContains(t, err, "no request for these paths")
}

// What is no count is an error, and never an empty table or a ratio.
func TestZoneRatioRefusals(t *testing.T) {
	for answer, want := range map[string]string{
		`{"data":null,"errors":[{"message":"cannot request data older than 86400s","path":["viewer"]}]}`: "/a: HTTP 200: cannot request data older than 86400s",
		`{"data":{"viewer":{"zones":[]}},"errors":null}`:                                                 "/a: the API knows no zone " + zone + ", or the token may not read it: it needs the permission Analytics Read",
		`{"data":null}`: "/a: HTTP 200: no reason given",
		`<html>`:        "/a: HTTP 200: the answer is not the API's; is --api right?",
	} {
		api, _ := graphQL(t, map[string]string{"/a": answer})
		_, err := run(t, "", "zone-ratio", "--zone", zone, "--api", api, "--path", "/a", "--goal", "85")
		require.EqualError(t, err, want)
	}
	api, _ := graphQL(t, nil)
	t.Setenv(zoneapi.TokenVariable, "wrong")
	_, err := run(t, "", "zone-ratio", "--zone", zone, "--api", api)
	require.EqualError(t, err, "/static/*: HTTP 403: not authorized; the token needs the permission Analytics Read for zone "+zone)
}

func TestZoneRatioNamesEachMistake(t *testing.T) {
	t.Setenv(zoneapi.TokenVariable, "")
	_, err := run(t, "", "zone-ratio", "--zone", "x", "--api", "http://192.0.2.1", "--path", "static", "--path", "/a/*/b", "--path", "/a*",
		"--since", "1m", "--goal", "101", "--timeout", "0s")
	require.EqualError(t, err, `--zone: "x" is not 32 hexadecimal digits
--api: "http://192.0.2.1" would send the token unencrypted, http is for this machine only
CLOUDFLARE_API_TOKEN: is not set; make an API token with the permission Analytics Read for the zone
--path: "static" is not a path, or a folder such as /static/*
--path: "/a/*/b" is not a path, or a folder such as /static/*
--path: "/a*" is not a path, or a folder such as /static/*
--since: 1m0s is not between 10m and 720h
--goal: 101 is not between 0 and 100
--timeout: 0s is not between 1s and 1h`)
}
