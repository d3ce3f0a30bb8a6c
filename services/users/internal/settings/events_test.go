package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEventDefaults(t *testing.T) {
	e, err := EmailCommand.Load(environment(nil))
	require.NoError(t, err)
	require.Equal(t, Kafka{Bootstrap: []string{"kafka-kafka-bootstrap:9093"}, CA: "/etc/scalestack/kafka-ca", User: "email", Credentials: "/etc/scalestack/kafka"}, e.Kafka)
	require.Equal(t, "email", e.Group)
	require.Equal(t, Mail{Address: "smtp:587", From: "Scalestack <noreply@example.com>", TLS: "starttls"}, e.Mail)
	require.Equal(t, 10*time.Minute, e.RetryFor)

	a, err := AnalyticsCommand.Load(environment(map[string]string{"SCALESTACK_KAFKA_BOOTSTRAP": "a:9093,b:9093", "SCALESTACK_KAFKA_USER": "reports"}))
	require.NoError(t, err)
	require.Equal(t, []string{"a:9093", "b:9093"}, a.Kafka.Bootstrap)
	require.Equal(t, "reports", a.Kafka.User)
	require.Equal(t, "analytics", a.Group)

	i, err := InvalidateCommand.Load(environment(nil))
	require.NoError(t, err)
	require.Equal(t, "redis:6379", i.Redis.Address)
	require.Equal(t, "invalidate", i.Kafka.User)

	r, err := RelayCommand.Load(environment(nil))
	require.NoError(t, err)
	require.Equal(t, time.Second, r.Poll)
	require.Equal(t, "/etc/scalestack/shards", r.Shards.Credentials)
}

func TestEveryMistakeOfAWorkerIsReported(t *testing.T) {
	_, err := EmailCommand.Load(environment(map[string]string{
		"SCALESTACK_KAFKA_BOOTSTRAP":   "a:9093,b",
		"SCALESTACK_KAFKA_CA":          "ca.crt",
		"SCALESTACK_KAFKA_CREDENTIALS": "kafka",
		"SCALESTACK_CONCURRENCY":       "0",
		"SCALESTACK_RETRY_FOR":         "0s",
		"SCALESTACK_SMTP_ADDRESS":      "smtp",
		"SCALESTACK_SMTP_TLS":          "maybe",
		"SCALESTACK_SMTP_CREDENTIALS":  "smtp",
		"SCALESTACK_MAIL_FROM":         "nobody",
		"SCALESTACK_DB_POOL":           "1001",
	}))
	require.Error(t, err)
	require.ElementsMatch(t, []string{
		`SCALESTACK_KAFKA_BOOTSTRAP: "b" is not host:port with a port between 0 and 65535`,
		`SCALESTACK_KAFKA_CA: "ca.crt" is not an absolute path`,
		`SCALESTACK_KAFKA_CREDENTIALS: "kafka" is not an absolute path`,
		`SCALESTACK_CONCURRENCY: 0 is not between 1 and 1000`,
		`SCALESTACK_RETRY_FOR: 0s is not between 1s and 24h`,
		`SCALESTACK_SMTP_ADDRESS: "smtp" is not host:port with a port between 0 and 65535`,
		`SCALESTACK_SMTP_TLS: "maybe" is not one of none, starttls, tls`,
		`SCALESTACK_SMTP_CREDENTIALS: "smtp" is not an absolute path`,
		`SCALESTACK_MAIL_FROM: "nobody" is not a mail address such as Shop <shop@example.com>`,
		`SCALESTACK_DB_POOL: 1001 is not between 1 and 1000`,
	}, strings.Split(err.Error(), "\n"))
	_, err = RelayCommand.Load(environment(map[string]string{"SCALESTACK_RELAY_BATCH": "0"}))
	require.EqualError(t, err, "SCALESTACK_RELAY_BATCH: 0 is not between 1 and 10000")
}

func TestHelpOfWorkers(t *testing.T) {
	require.Contains(t, EmailCommand.Help(), "SCALESTACK_SMTP_CREDENTIALS (an absolute path, default empty)")
	require.Contains(t, RelayCommand.Help(), "SCALESTACK_KAFKA_USER (any string, default relay)")
	require.NotContains(t, InvalidateCommand.Help(), "SCALESTACK_SHARD_MAP")
	require.NotContains(t, AnalyticsCommand.Help(), "SCALESTACK_SMTP")
}

func TestTheInboxRemembersWhatCanComeAgain(t *testing.T) {
	const day = 24 * time.Hour
	inbox := func(topic, letters, inbox string) (time.Duration, error) {
		r, err := RelayCommand.Load(environment(map[string]string{
			"SCALESTACK_TOPIC_RETENTION": topic, "SCALESTACK_DLQ_RETENTION": letters, "SCALESTACK_INBOX_RETENTION": inbox}))
		return r.Inbox(), err
	}
	for _, test := range []struct {
		topic, letters, inbox string
		want                  time.Duration
		mistake               string
	}{
		{"", "", "", 52 * day, ""},
		{"87600h", "87600h", "", (3650*2 + 15) * day, ""},
		{"0s", "", "", 0, ""},
		{"", "0s", "", 0, ""},
		{"", "", "1248h", 52 * day, ""},
		{"", "", "1247h", 0, "SCALESTACK_INBOX_RETENTION: 1247h0m0s is less than 1248h0m0s, for which an event may come again with " +
			"SCALESTACK_TOPIC_RETENTION 168h0m0s and SCALESTACK_DLQ_RETENTION 720h0m0s"},
		{"0s", "", "87600h", 0, "SCALESTACK_INBOX_RETENTION: 87600h0m0s ends, and SCALESTACK_TOPIC_RETENTION (0s) or SCALESTACK_DLQ_RETENTION (720h0m0s) is for ever"},
	} {
		got, err := inbox(test.topic, test.letters, test.inbox)
		if test.mistake != "" {
			require.EqualError(t, err, test.mistake)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, test.want, got)
	}
}
