package settings

import (
	"cmp"
	"fmt"
	"time"

	"github.com/scalestack/scalestack/sharding/settings"
)

// Worker holds what every program has that serves no users.
type Worker struct {
	settings.Log
	settings.Probes
	Grace   time.Duration `env:"SCALESTACK_SHUTDOWN_GRACE" envDefault:"20s" validate:"min=1s,max=10m" doc:"how long work that has begun may take after SIGTERM"`
	Kafka   Kafka
	Tracing Tracing
}

// Mistakes reports what holds between settings.
func (w *Worker) Mistakes() []error { return w.Tracing.mistakes() }

// Relay holds the settings of the command relay.
type Relay struct {
	Worker
	Shards settings.Shards
	Poll   time.Duration `env:"SCALESTACK_RELAY_POLL" envDefault:"1s" validate:"min=1ms,max=1m" doc:"how often an empty outbox is looked at without a reason; writers wake the relay, only rows that a move brought wait for this"`
	Batch  int           `env:"SCALESTACK_RELAY_BATCH" envDefault:"500" validate:"min=1,max=10000" doc:"most events of one shard and topic that are published together"`
	// The retentions say how long an event may come again; see MinInboxRetention.
	TopicRetention      time.Duration `env:"SCALESTACK_TOPIC_RETENTION" envDefault:"168h" validate:"min=0s,max=87600h" doc:"longest retention of the topics of events, 0s for ever"`
	DeadLetterRetention time.Duration `env:"SCALESTACK_DLQ_RETENTION" envDefault:"720h" validate:"min=0s,max=87600h" doc:"longest retention of the topics of dead letters, 0s for ever"`
	InboxRetention      time.Duration `env:"SCALESTACK_INBOX_RETENTION" envDefault:"0s" validate:"min=0s,max=200000h" doc:"how long consumers remember an event; 0s derives it from the other two, less than that is refused"`
}

const (
	// segmentSlack is how much longer than its retention a record can stay: Kafka
	// deletes segments as a whole, and begins a new one every segment.ms, 7 days.
	segmentSlack = 7 * 24 * time.Hour
	// longestRetry is the most that SCALESTACK_RETRY_FOR can be.
	longestRetry = 24 * time.Hour
)

// MinInboxRetention is how long after it was done an event can come again, 0 for
// ever. It may be read again for as long as its topic has it. It may become a dead
// letter at the end of that, and a dead letter may be replayed for as long as its
// topic has it: also twice, since Kafka forgets where a group that does not run was.
func (r *Relay) MinInboxRetention() time.Duration {
	if r.TopicRetention == 0 || r.DeadLetterRetention == 0 {
		return 0
	}
	return r.TopicRetention + segmentSlack + longestRetry + r.DeadLetterRetention + segmentSlack
}

// Inbox is how long consumers remember an event, 0 for ever.
func (r *Relay) Inbox() time.Duration { return cmp.Or(r.InboxRetention, r.MinInboxRetention()) }

// Mistakes reports what holds between settings.
func (r *Relay) Mistakes() []error { return append(r.Worker.Mistakes(), r.inboxMistakes()...) }

func (r *Relay) inboxMistakes() []error {
	least := r.MinInboxRetention()
	switch {
	case r.InboxRetention == 0 || least > 0 && r.InboxRetention >= least:
		return nil
	case least == 0:
		return []error{fmt.Errorf("SCALESTACK_INBOX_RETENTION: %s ends, and SCALESTACK_TOPIC_RETENTION (%s) or SCALESTACK_DLQ_RETENTION (%s) is for ever",
			r.InboxRetention, r.TopicRetention, r.DeadLetterRetention)}
	}
	return []error{fmt.Errorf("SCALESTACK_INBOX_RETENTION: %s is less than %s, for which an event may come again with SCALESTACK_TOPIC_RETENTION %s and SCALESTACK_DLQ_RETENTION %s",
		r.InboxRetention, least, r.TopicRetention, r.DeadLetterRetention)}
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
	Shards           settings.Shards
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
