package profilecache_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/stretchr/testify/require"
)

// use is a lookup by a new process, and why it failed.
func use(t *testing.T, s settings.Redis) (users.Cached, *prometheus.Registry, error) {
	t.Helper()
	registry, log := prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	servers := profilecache.NewServers(s, registry, log)
	defer servers.Close()
	cache := profilecache.New(servers, profilecache.Options{TTL: time.Hour, NegativeTTL: time.Minute, FillTimeout: 10 * time.Second, Metrics: registry, Log: log})
	_, lease := cache.Lease(t.Context(), 1)
	cache.Fill(t.Context(), 1, lease, &users.User{ID: 1, Version: 1})
	return cache.Get(t.Context(), 1), registry, servers.Clients()[0].Ping(t.Context()).Err()
}

func TestTheCacheIsVerified(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	s := redistest.StartTLS(t, by.Issue(time.Hour, "127.0.0.1"), by.Certificate)
	found, registry, err := use(t, s)
	require.NoError(t, err)
	require.True(t, found.Known)
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "scalestack_cache_certificate") {
			ends := time.Unix(int64(family.GetMetric()[0].GetGauge().GetValue()), 0)
			require.WithinDuration(t, time.Now().Add(time.Hour), ends, time.Minute)
			return
		}
	}
	t.Fatal("no expiry")
}

// Whatever is wrong with the certificate, the cache is down for its users and nothing else.
func TestACacheThatCannotBeVerifiedIsDown(t *testing.T) {
	by, other := certtest.NewAuthority(t, "test"), certtest.NewAuthority(t, "test")
	for want, shown := range map[string]certtest.Pair{
		"signed by unknown authority": other.Issue(time.Hour, "127.0.0.1"),
		"certificate is valid for":    by.Issue(time.Hour, "127.0.0.9"),
		"certificate has expired":     by.Issue(-time.Hour, "127.0.0.1"),
	} {
		t.Run(want, func(t *testing.T) {
			s := redistest.StartTLS(t, shown, by.Certificate)
			began := time.Now()
			found, registry, err := use(t, s)
			require.ErrorContains(t, err, want)
			require.Equal(t, users.Cached{}, found)
			require.Less(t, time.Since(began), 5*time.Second)
			count, err := testutil.GatherAndCount(registry, "scalestack_cache_certificate_expiry_timestamp_seconds")
			require.NoError(t, err)
			require.Zero(t, count)
		})
	}
}

func TestNoClearTextToACacheWithTLS(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	s := redistest.StartTLS(t, by.Issue(time.Hour, "127.0.0.1"), by.Certificate)
	clear := s
	clear.CA = ""
	found, _, err := use(t, clear)
	require.Error(t, err)
	require.Equal(t, users.Cached{}, found)
	plain := redistest.Start(t)
	plain.CA = s.CA
	found, _, err = use(t, plain)
	require.Error(t, err, "nothing falls back to clear text")
	require.Equal(t, users.Cached{}, found)
}

// The file is read for each connection, so a new authority needs no restart.
func TestANewAuthorityNeedsNoRestart(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	s := redistest.StartTLS(t, by.Issue(time.Hour, "127.0.0.1"), certtest.NewAuthority(t, "test").Certificate)
	servers := profilecache.NewServers(s, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	defer servers.Close()
	require.ErrorContains(t, servers.Clients()[0].Ping(t.Context()).Err(), "unknown authority")
	require.NoError(t, os.WriteFile(s.CA, by.Certificate, 0o600))
	require.NoError(t, servers.Clients()[0].Ping(t.Context()).Err())
	require.NoError(t, os.WriteFile(s.CA, []byte("nonsense"), 0o600))
	require.NoError(t, servers.Clients()[0].Ping(t.Context()).Err(), "connections that are open go on")
}
