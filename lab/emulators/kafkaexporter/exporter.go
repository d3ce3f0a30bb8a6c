package kafkaexporter

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerTime is how long Kafka may take for one scrape, and for the first answer.
const answerTime = 10 * time.Second

// Options say which cluster is asked, and for what.
type Options struct {
	// Servers are brokers to start from.
	Servers []string
	// Security is for the connections. Nil: they are not encrypted.
	Security *tls.Config
	// Topics and Groups choose what has series.
	Topics, Groups Filter
	Log            *slog.Logger
}

// Filter chooses names.
type Filter struct{ Include, Exclude *regexp.Regexp }

// NewFilter takes the names that match include and do not match exclude. The expressions are not anchored.
func NewFilter(include, exclude string) (f Filter, err error) {
	if f.Include, err = regexp.Compile(include); err != nil {
		return f, err
	}
	f.Exclude, err = regexp.Compile(exclude)
	return f, err
}

func (f Filter) takes(name string) bool {
	return f.Include.MatchString(name) && !f.Exclude.MatchString(name)
}

// Exporter asks one cluster. It is a prometheus.Collector.
type Exporter struct {
	Options
	kafka *kgo.Client
	admin *kadm.Client
	// patience is how long Kafka may take for one scrape.
	patience time.Duration
}

// Connect fails unless a broker answers.
func Connect(ctx context.Context, o Options) (*Exporter, error) {
	options := []kgo.Opt{kgo.SeedBrokers(o.Servers...), kgo.ClientID("kafka_exporter")}
	if o.Security != nil {
		options = append(options, kgo.DialTLSConfig(o.Security))
	}
	kafka, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := kafka.Ping(ctx); err != nil {
		kafka.Close()
		return nil, fmt.Errorf("no broker of %q answers: %w", o.Servers, err)
	}
	return &Exporter{Options: o, kafka: kafka, admin: kadm.NewClient(kafka), patience: answerTime}, nil
}

// Close ends the connections.
func (e *Exporter) Close() { e.kafka.Close() }

// Describe sends every metric that Collect may send.
func (e *Exporter) Describe(out chan<- *prometheus.Desc) {
	for _, metric := range all {
		out <- metric
	}
}

// Collect asks Kafka. What it does not tell is left out and logged.
func (e *Exporter) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), e.patience)
	defer cancel()
	// The raw request: kadm sorts the replicas, of which the first one is preferred.
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = false
	cluster, err := request.RequestWith(ctx, e.kafka)
	if err != nil {
		e.untold("the cluster's brokers and topics", err)
		return
	}
	collectBrokers(out, cluster.Brokers)
	ends := e.collectTopics(ctx, out, cluster.Topics)
	e.collectGroups(ctx, out, ends)
}

// untold logs what a scrape goes without.
func (e *Exporter) untold(what string, err error) {
	e.Log.Error("Kafka does not tell "+what, "error", err)
}
