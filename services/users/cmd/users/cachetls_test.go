package main

import (
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A cache that shows a wrong certificate costs no request, and when it shows the right one
// it is used without a restart.
func TestRequestsGoOnWithoutAVerifiedCache(t *testing.T) {
	by, strange := certtest.NewAuthority(t, "right"), certtest.NewAuthority(t, "strange")
	cache := redistest.StartTLS(t, by.Issue(time.Hour, "127.0.0.1"), strange.Certificate)
	shards, _ := shardtest.Start(t, 2)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	for name, value := range map[string]string{
		"SCALESTACK_METRICS_LISTEN": "127.0.0.1:0", "SCALESTACK_LOG_LEVEL": "error", "SCALESTACK_PUBLIC": "true", "SCALESTACK_SHUTDOWN_DELAY": "0s",
		"SCALESTACK_SHARD_MAP": shards.App.MapFile, "SCALESTACK_SHARD_CREDENTIALS": shards.As("app", pgtest.AppPassword).Credentials,
		"SCALESTACK_REDIS_ADDRESS": cache.Address, "SCALESTACK_REDIS_CREDENTIALS": cache.Credentials, "SCALESTACK_REDIS_CA": cache.CA,
		"SCALESTACK_LISTEN": listener.Addr().String(), "SCALESTACK_RATE_LIMIT": "100000", "SCALESTACK_RATE_BURST": "100000",
	} {
		t.Setenv(name, value)
	}
	begin(t, "serve")
	url := "http://" + listener.Addr().String()
	require.Eventually(t, func() bool { return status(url+anAsset) == http.StatusOK }, patience, 20*time.Millisecond)

	put := func() int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/users/42", strings.NewReader(`{"name":"Ada","email":"ada@example.com"}`))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	for range 50 {
		require.Less(t, put(), 300)
		require.Equal(t, http.StatusOK, status(url+"/users/42"))
		require.NotEqual(t, "hit", cached(t, url+"/users/42"))
	}
	require.NoError(t, os.WriteFile(cache.CA, by.Certificate, 0o600))
	require.Eventually(t, func() bool { return cached(t, url+"/users/42") == "hit" }, patience, 20*time.Millisecond)
}

// cached is what a read says of the cache.
func cached(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	return response.Header.Get("X-Cache")
}
