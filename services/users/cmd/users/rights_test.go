package main

import (
	"log/slog"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/sharding/ops"
	"github.com/stretchr/testify/require"
)

// A worker that asks for what its role may not read never becomes ready, and the
// rollout waits in vain.
func TestWorkersBecomeReadyWithTheirOwnRights(t *testing.T) {
	shards, _ := shardtest.Start(t, 1)
	environ := func(service string) []string {
		own := shardtest.As(shards, service)
		return []string{"SCALESTACK_SHARD_MAP=" + own.MapFile, "SCALESTACK_SHARD_CREDENTIALS=" + own.Credentials, "SCALESTACK_MAIL_FROM=shop@example.com",
			"SCALESTACK_SMTP_ADDRESS=127.0.0.1:25", "SCALESTACK_SMTP_TLS=none"}
	}
	w := &worker{metrics: ops.NewRegistry(), log: slog.New(slog.DiscardHandler)}
	mail, err := settings.EmailCommand.Load(environ("email"))
	require.NoError(t, err)
	email, err := newEmail(t.Context(), mail, w)
	require.NoError(t, err)
	defer email.close()
	require.NoError(t, email.answers(t.Context()))

	w.metrics = ops.NewRegistry()
	count, err := settings.AnalyticsCommand.Load(environ("analytics"))
	require.NoError(t, err)
	analytics, err := newAnalytics(t.Context(), count, w)
	require.NoError(t, err)
	defer analytics.close()
	require.NoError(t, analytics.answers(t.Context()))
}
