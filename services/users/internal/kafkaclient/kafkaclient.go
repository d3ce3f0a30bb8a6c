// Package kafkaclient connects to Kafka as the stack's users do: SCRAM-SHA-512
// over TLS. The client is franz-go: it needs no cgo, and an idempotent producer
// that waits for all replicas is its default.
package kafkaclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const dialTimeout = 5 * time.Second

// Options connect with the credentials that the files hold at each new
// connection, so that a new password or authority needs no restart.
func Options(s settings.Kafka, name string, log *slog.Logger) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(s.Bootstrap...),
		kgo.ClientID("scalestack-" + name),
		kgo.Dialer(dialer(s.CA)),
		kgo.SASL(scram.Sha512(func(context.Context) (scram.Auth, error) { return auth(s) })),
		kgo.WithLogger(logger{log}),
		// Leaders that move are found soon, not only by errors.
		kgo.MetadataMaxAge(time.Minute),
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
}

func dialer(ca string) func(ctx context.Context, network, host string) (net.Conn, error) {
	return func(ctx context.Context, network, host string) (net.Conn, error) {
		roots, err := authorities(ca)
		if err != nil {
			return nil, fmt.Errorf("authority of Kafka: %w", err)
		}
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		d := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
		return d.DialContext(ctx, network, host)
	}
}

// authorities reads a file, or every *.crt of a folder. While Strimzi replaces the
// key of its cluster CA, the Secret holds the old certificate as ca-<date>.crt
// beside the new ca.crt, and brokers present certificates of either.
func authorities(ca string) (*x509.CertPool, error) {
	files := []string{ca}
	if info, err := os.Stat(ca); err == nil && info.IsDir() {
		files, err = fs.Glob(os.DirFS(ca), "*.crt")
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("%s holds no *.crt file", ca)
		}
		for i := range files {
			files[i] = filepath.Join(ca, files[i])
		}
	}
	roots := x509.NewCertPool()
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !roots.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("%s holds no certificate", file)
		}
	}
	return roots, nil
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
