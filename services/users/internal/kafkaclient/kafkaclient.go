// Package kafkaclient connects to Kafka the way the stack's users do: SCRAM-SHA-512
// over TLS. The client is franz-go: it needs no cgo, and its default is an idempotent
// producer that waits for all replicas.
package kafkaclient

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/verified"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const dialTimeout = 5 * time.Second

// Options connect with the credentials that the files hold at each new
// connection, so that a new password or authority needs no restart.
func Options(s settings.Kafka, name string, log *slog.Logger) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(s.Bootstrap...),
		kgo.ClientID("scalestack-" + name),
		kgo.Dialer(verified.Dialer(s.CA, "Kafka", dialTimeout, nil)),
		kgo.SASL(scram.Sha512(func(context.Context) (scram.Auth, error) { return auth(s) })),
		kgo.WithLogger(logger{log}),
		// Leaders that move are found soon, not only by errors.
		kgo.MetadataMaxAge(time.Minute),
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
}

// ProduceByName names topics to the brokers by their names and not by their ids, as from
// Kafka 4 on: a topic that was deleted and made anew has another id, with which the client
// does not go on.
func ProduceByName() kgo.Opt {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.Produce), 12)
	return kgo.MaxVersions(versions)
}

func auth(s settings.Kafka) (scram.Auth, error) {
	file := filepath.Join(s.Credentials, "password")
	content, err := os.ReadFile(file)
	if err != nil {
		return scram.Auth{}, fmt.Errorf("credentials of Kafka: %w", err)
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return scram.Auth{}, fmt.Errorf("credentials of Kafka: %s is empty", file)
	}
	return scram.Auth{User: s.User, Pass: password}, nil
}

// logger keeps the library's lines in the log's format. It tells of every
// connection that ends, hence one level lower.
type logger struct{ log *slog.Logger }

func (l logger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

func (l logger) Log(level kgo.LogLevel, message string, pairs ...any) {
	at := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		at = slog.LevelWarn
	case kgo.LogLevelWarn:
		at = slog.LevelInfo
	}
	l.log.Log(context.Background(), at, "kafka: "+message, pairs...)
}
