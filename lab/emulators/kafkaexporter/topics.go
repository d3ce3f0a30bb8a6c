package kafkaexporter

import (
	"context"
	"net"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func collectBrokers(out chan<- prometheus.Metric, found []kmsg.MetadataResponseBroker) {
	gauge(out, brokers, len(found))
	for _, b := range found {
		gauge(out, brokerInfo, 1, number(b.NodeID), net.JoinHostPort(b.Host, number(b.Port)))
	}
}

// collectTopics gives the ends of the topics that the filter takes.
func (e *Exporter) collectTopics(ctx context.Context, out chan<- prometheus.Metric, found []kmsg.MetadataResponseTopic) kadm.ListedOffsets {
	var names []string
	for _, t := range found {
		if t.Topic == nil || !e.Topics.takes(*t.Topic) {
			continue
		}
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			e.untold("the topic "+*t.Topic, err)
			continue
		}
		names = append(names, *t.Topic)
		gauge(out, partitions, len(t.Partitions), *t.Topic)
		for _, p := range t.Partitions {
			collectReplicas(out, *t.Topic, p)
		}
	}
	if len(names) == 0 {
		return nil // no names would ask for every topic
	}
	ends, err := e.admin.ListEndOffsets(ctx, names...)
	if err != nil {
		e.untold("all ends of topics", err)
	}
	starts, err := e.admin.ListStartOffsets(ctx, names...)
	if err != nil {
		e.untold("all beginnings of topics", err)
	}
	e.collectOffsets(out, end, ends)
	e.collectOffsets(out, start, starts)
	return ends
}

func collectReplicas(out chan<- prometheus.Metric, topic string, p kmsg.MetadataResponseTopicPartition) {
	partition := number(p.Partition)
	if p.Leader >= 0 {
		gauge(out, leader, p.Leader, topic, partition)
	}
	gauge(out, replicas, len(p.Replicas), topic, partition)
	gauge(out, inSync, len(p.ISR), topic, partition)
	gauge(out, preferred, truth(len(p.Replicas) > 0 && p.Leader == p.Replicas[0]), topic, partition)
	gauge(out, underReplicated, truth(len(p.ISR) < len(p.Replicas)), topic, partition)
}

func (e *Exporter) collectOffsets(out chan<- prometheus.Metric, of *prometheus.Desc, offsets kadm.ListedOffsets) {
	offsets.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			e.untold("an offset of "+o.Topic+" "+number(o.Partition), o.Err)
			return
		}
		gauge(out, of, o.Offset, o.Topic, number(o.Partition))
	})
}
