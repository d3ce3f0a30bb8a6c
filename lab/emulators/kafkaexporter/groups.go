package kafkaexporter

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
)

// collectGroups compares what the groups that the filter takes have committed with the ends of the topics.
func (e *Exporter) collectGroups(ctx context.Context, out chan<- prometheus.Metric, ends kadm.ListedOffsets) {
	listed, err := e.admin.ListGroups(ctx)
	if err != nil {
		e.untold("all groups", err)
	}
	var names []string
	for _, name := range listed.Groups() {
		if e.Groups.takes(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return // no names would ask for every group
	}
	described, err := e.admin.DescribeGroups(ctx, names...)
	if err != nil {
		e.untold("the members of all groups", err)
	}
	for _, group := range described.Sorted() {
		if group.Err != nil {
			e.untold("the members of "+group.Group, group.Err)
			continue
		}
		gauge(out, members, len(group.Members), group.Group)
	}
	for name, group := range e.admin.FetchManyOffsets(ctx, names...) {
		if group.Err != nil {
			e.untold("the offsets of "+name, group.Err)
			continue
		}
		e.collectLag(out, name, group.Fetched, ends)
	}
}

// collectLag is not kadm's: kadm counts a partition without an offset from its beginning, kafka_exporter says -1.
func (e *Exporter) collectLag(out chan<- prometheus.Metric, group string, committed kadm.OffsetResponses, ends kadm.ListedOffsets) {
	for topic, of := range ends {
		if !consumes(committed[topic]) {
			continue
		}
		var offsets, behind int64
		for partition, end := range of {
			at := int64(-1)
			if commit, ok := committed[topic][partition]; ok {
				if commit.Err != nil {
					e.untold("the offset of "+group+" in "+topic+" "+number(partition), commit.Err)
					continue
				}
				at = commit.At
			}
			offsets += at
			gauge(out, offset, at, group, topic, number(partition))
			if end.Err != nil {
				continue // logged with the topic's own
			}
			missing := int64(-1)
			if at >= 0 {
				missing = end.Offset - at
				behind += missing
			}
			gauge(out, lag, missing, group, topic, number(partition))
		}
		gauge(out, offsetSum, offsets, group, topic)
		gauge(out, lagSum, behind, group, topic)
	}
}

// consumes reports whether the group has an offset in any of the topic's partitions.
func consumes(committed map[int32]kadm.OffsetResponse) bool {
	for _, commit := range committed {
		if commit.At >= 0 {
			return true
		}
	}
	return false
}
