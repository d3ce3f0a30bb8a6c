package settings

import (
	"time"
)

// Worker holds what every program has that serves no users.
type Worker struct {
	Log
	Listen string        `env:"SCALESTACK_LISTEN" envDefault:":8080" validate:"hostport" doc:"where probes and metrics are served"`
	Grace  time.Duration `env:"SCALESTACK_SHUTDOWN_GRACE" envDefault:"20s" validate:"min=1s,max=10m" doc:"how long work that has begun may take after SIGTERM"`
	Kafka  Kafka
}

// Relay holds the settings of the command relay.
type Relay struct {
	Worker
	Shards         Shards
	Poll           time.Duration `env:"SCALESTACK_RELAY_POLL" envDefault:"50ms" validate:"min=1ms,max=10s" doc:"how often an empty outbox is looked at; the longest delay that the relay adds"`
	Batch          int           `env:"SCALESTACK_RELAY_BATCH" envDefault:"500" validate:"min=1,max=10000" doc:"most events of one shard that are published together"`
	InboxRetention time.Duration `env:"SCALESTACK_INBOX_RETENTION" envDefault:"336h" validate:"min=1m,max=8760h" doc:"how long consumers remember an event; longer than the topics keep it, or a consumer that reads from the start does its work twice"`
}

// Consumer holds the settings that all consumers have.
type Consumer struct {
	Worker
	// Group is by default the name of the command.
	Group       string        `env:"SCALESTACK_KAFKA_GROUP" doc:"the consumer group; its dead letters go to the topic <group>_dlq"`
	Concurrency int           `env:"SCALESTACK_CONCURRENCY" envDefault:"16" validate:"min=1,max=1000" doc:"most users whose events are worked on at once"`
	RetryFor    time.Duration `env:"SCALESTACK_RETRY_FOR" envDefault:"10m" validate:"min=1s,max=24h" doc:"how long an event is tried until it becomes a dead letter; events that no trying helps become one at once"`
}

// Database holds the settings of a consumer that writes to the shards.
type Database struct {
	Shards           Shards
	Pool             int           `env:"SCALESTACK_DB_POOL" envDefault:"4" validate:"min=1,max=1000" doc:"most connections to one shard from this process"`
	StatementTimeout time.Duration `env:"SCALESTACK_DB_STATEMENT_TIMEOUT" envDefault:"3s" validate:"min=10ms,max=1m" doc:"longest time for one statement"`
}

// Mail says who sends mails from where.
type Mail struct {
	Address     string `env:"SCALESTACK_SMTP_ADDRESS" envDefault:"smtp:587" validate:"hostport" doc:"the mail server"`
	From        string `env:"SCALESTACK_MAIL_FROM" envDefault:"Scalestack <noreply@example.com>" validate:"mailbox" doc:"sender of all mails; its domain is part of their Message-IDs"`
	TLS         string `env:"SCALESTACK_SMTP_TLS" envDefault:"starttls" validate:"oneof=none starttls tls" doc:"TLS to the mail server; starttls and tls insist on it"`
	Credentials string `env:"SCALESTACK_SMTP_CREDENTIALS" validate:"omitempty,abspath" doc:"folder with the files username and password, empty for a server that asks for none; read for every connection"`
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
	FillTimeout time.Duration `env:"SCALESTACK_REQUEST_TIMEOUT" envDefault:"5s" validate:"min=20ms,max=2m" doc:"that of serve: for how long a reader may come to the cache with what it read before the change"`
}

// Names of the groups, which are those of the commands.
const (
	EmailGroup      = "email"
	AnalyticsGroup  = "analytics"
	InvalidateGroup = "invalidate"
)
