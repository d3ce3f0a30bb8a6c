package settings

import (
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"github.com/scalestack/scalestack/sharding/settings"
)

// Kafka says where the event log is and who we are there.
type Kafka struct {
	// Bootstrap are brokers, host:port.
	Bootstrap []string
	// CA is the file of the authority that signs the brokers' certificates.
	CA string
	// User is the name for SCRAM-SHA-512.
	User string
	// Credentials is the folder with the file password.
	Credentials string
}

// Worker holds what every program has that serves no users.
type Worker struct {
	LogLevel slog.Level
	// Listen is where probes and metrics are served.
	Listen string
	// Grace is how long work that has begun may take after SIGTERM.
	Grace time.Duration
	Kafka Kafka
}

// Relay holds the settings of the command relay.
type Relay struct {
	Worker
	Shards settings.Shards
	// Poll is how often an empty outbox is looked at.
	Poll time.Duration
	// Batch is the most events that are published together.
	Batch int
	// InboxRetention is how long consumers remember an event.
	InboxRetention time.Duration
}

// Consumer holds the settings that all consumers have.
type Consumer struct {
	Worker
	// Group is the consumer group; its dead letters go to <group>_dlq.
	Group string
	// Concurrency is how many users' events are worked on at once.
	Concurrency int
	// RetryFor is how long an event is tried before it becomes a dead letter.
	RetryFor time.Duration
}

// Database holds the settings of a consumer that writes to the shards.
type Database struct {
	Shards           settings.Shards
	Pool             int
	StatementTimeout time.Duration
}

// Mail says who sends mails from where.
type Mail struct {
	// Address is the server's, host:port.
	Address string
	// From is the sender, such as "Shop <shop@example.com>".
	From string
	// TLS is none, starttls or tls.
	TLS string
	// Credentials is the folder with username and password, "" for none.
	Credentials string
}

// Email holds the settings of the command email.
type Email struct {
	Consumer
	Database
	Mail Mail
}

// Analytics holds the settings of the command analytics.
type Analytics struct {
	Consumer
	Database
}

// Invalidate holds the settings of the command invalidate.
type Invalidate struct {
	Consumer
	Redis Redis
	// FillTimeout is the longest time that a reader takes to fill the cache.
	FillTimeout time.Duration
}

// Names of the groups, which are those of the commands.
const (
	EmailGroup      = "email"
	AnalyticsGroup  = "analytics"
	InvalidateGroup = "invalidate"
)

// LoadRelay reads the settings of relay; the error holds every mistake.
func LoadRelay(lookup settings.Lookup) (*Relay, error) { return settings.Load(lookup, relay) }

// LoadEmail reads the settings of email; the error holds every mistake.
func LoadEmail(lookup settings.Lookup) (*Email, error) { return settings.Load(lookup, email) }

// LoadAnalytics reads the settings of analytics; the error holds every mistake.
func LoadAnalytics(lookup settings.Lookup) (*Analytics, error) {
	return settings.Load(lookup, analytics)
}

// LoadInvalidate reads the settings of invalidate; the error holds every mistake.
func LoadInvalidate(lookup settings.Lookup) (*Invalidate, error) {
	return settings.Load(lookup, invalidate)
}

// RelayHelp lists the settings of relay.
func RelayHelp() string { return settings.Help(relay) }

// EmailHelp lists the settings of email.
func EmailHelp() string { return settings.Help(email) }

// AnalyticsHelp lists the settings of analytics.
func AnalyticsHelp() string { return settings.Help(analytics) }

// InvalidateHelp lists the settings of invalidate.
func InvalidateHelp() string { return settings.Help(invalidate) }

func relay(r *settings.Reader) *Relay {
	return &Relay{
		Worker: worker(r, "relay"),
		Shards: settings.ReadShards(r),
		Poll:   r.Duration("SCALESTACK_RELAY_POLL", 50*time.Millisecond, time.Millisecond, 10*time.Second, "how often an empty outbox is looked at; the longest delay that the relay adds"),
		Batch:  r.Integer("SCALESTACK_RELAY_BATCH", 500, 1, 10_000, "most events of one shard that are published together"),
		InboxRetention: r.Duration("SCALESTACK_INBOX_RETENTION", 14*24*time.Hour, time.Minute, 365*24*time.Hour,
			"how long consumers remember an event; longer than the topics keep it, or a consumer that reads from the start does its work twice"),
	}
}

func email(r *settings.Reader) *Email {
	return &Email{Consumer: consumer(r, EmailGroup), Database: database(r), Mail: mailSettings(r)}
}

func analytics(r *settings.Reader) *Analytics {
	return &Analytics{Consumer: consumer(r, AnalyticsGroup), Database: database(r)}
}

func invalidate(r *settings.Reader) *Invalidate {
	return &Invalidate{
		Consumer: consumer(r, InvalidateGroup),
		Redis:    redis(r),
		FillTimeout: r.Duration("SCALESTACK_REQUEST_TIMEOUT", 5*time.Second, 20*time.Millisecond, 2*time.Minute,
			"that of serve: for how long a reader may come to the cache with what it read before the change"),
	}
}

func worker(r *settings.Reader, name string) Worker {
	return Worker{
		LogLevel: settings.ReadLogLevel(r),
		Listen:   r.Address("SCALESTACK_LISTEN", ":8080", "where probes and metrics are served"),
		Grace:    r.Duration("SCALESTACK_SHUTDOWN_GRACE", 20*time.Second, time.Second, 10*time.Minute, "how long work that has begun may take after SIGTERM"),
		Kafka: Kafka{
			Bootstrap:   r.Addresses("SCALESTACK_KAFKA_BOOTSTRAP", "kafka-kafka-bootstrap:9093", "brokers to ask for the others; SCRAM-SHA-512 over TLS"),
			CA:          r.Path("SCALESTACK_KAFKA_CA", "/etc/scalestack/kafka-ca/ca.crt", "the authority of the brokers' certificates; read at every new connection"),
			User:        r.Text("SCALESTACK_KAFKA_USER", name, "who we are for the brokers"),
			Credentials: r.Path("SCALESTACK_KAFKA_CREDENTIALS", "/etc/scalestack/kafka", "folder with the file password; read at every new connection"),
		},
	}
}

func consumer(r *settings.Reader, name string) Consumer {
	return Consumer{
		Worker:      worker(r, name),
		Group:       r.Text("SCALESTACK_KAFKA_GROUP", name, "the consumer group; its dead letters go to the topic <group>_dlq"),
		Concurrency: r.Integer("SCALESTACK_CONCURRENCY", 16, 1, 1000, "most users whose events are worked on at once"),
		RetryFor: r.Duration("SCALESTACK_RETRY_FOR", 10*time.Minute, time.Second, 24*time.Hour,
			"how long an event is tried until it becomes a dead letter; events that no trying helps become one at once"),
	}
}

func database(r *settings.Reader) Database {
	return Database{
		Shards: settings.ReadShards(r),
		Pool:   r.Integer("SCALESTACK_DB_POOL", 4, 1, 1000, "most connections to one shard from this process"),
		StatementTimeout: r.Duration("SCALESTACK_DB_STATEMENT_TIMEOUT", 3*time.Second, 10*time.Millisecond, time.Minute,
			"longest time for one statement"),
	}
}

func mailSettings(r *settings.Reader) Mail {
	m := Mail{
		Address: r.Address("SCALESTACK_SMTP_ADDRESS", "smtp:587", "the mail server"),
		From:    r.Text("SCALESTACK_MAIL_FROM", "Scalestack <noreply@example.com>", "sender of all mails; its domain is part of their Message-IDs"),
		TLS: r.OneOf("SCALESTACK_SMTP_TLS", "starttls", []string{"none", "starttls", "tls"},
			"TLS to the mail server; starttls and tls insist on it"),
		Credentials: r.Text("SCALESTACK_SMTP_CREDENTIALS", "", "folder with the files username and password, empty for a server that asks for none; read for every connection"),
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		r.Failf("SCALESTACK_MAIL_FROM", "%q is not a mail address such as Shop <shop@example.com>", m.From)
	}
	if m.Credentials != "" && !strings.HasPrefix(m.Credentials, "/") {
		r.Failf("SCALESTACK_SMTP_CREDENTIALS", "%q is not an absolute path", m.Credentials)
	}
	return m
}
