package kafkatest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestARealBroker shows that the service's client gets along with Kafka itself:
// TLS, SCRAM-SHA-512, an idempotent producer and a consumer group.
func TestARealBroker(t *testing.T) {
	s := Start(t, 3, "things")
	options := append(kafkaclient.Options(s, "test", slog.New(slog.DiscardHandler)),
		kgo.ConsumerGroup("readers"), kgo.ConsumeTopics("things"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	client, err := kgo.NewClient(options...)
	require.NoError(t, err)
	defer client.Close()
	sent := &kgo.Record{Topic: "things", Key: []byte("7"), Value: []byte("seven")}
	require.NoError(t, client.ProduceSync(t.Context(), sent).FirstErr())
	fetched := client.PollFetches(t.Context())
	require.NoError(t, fetched.Err())
	require.Equal(t, "seven", string(fetched.Records()[0].Value))
	require.NoError(t, client.CommitUncommittedOffsets(t.Context()))

	t.Run("another authority is refused", func(t *testing.T) {
		stranger := s
		folder := t.TempDir()
		makeCertificate(t, folder)
		stranger.CA = folder + "/node.crt"
		requireRefused(t, stranger, "certificate signed by unknown authority")
	})
	t.Run("another user is refused", func(t *testing.T) {
		stranger := s
		stranger.User = "nobody"
		requireRefused(t, stranger, "SASL_AUTHENTICATION_FAILED")
	})
}

func requireRefused(t *testing.T, s settings.Kafka, message string) {
	t.Helper()
	client, err := kgo.NewClient(append(kafkaclient.Options(s, "test", slog.New(slog.DiscardHandler)), kgo.RetryTimeout(time.Millisecond))...)
	require.NoError(t, err)
	defer client.Close()
	require.ErrorContains(t, client.Ping(t.Context()), message)
}
