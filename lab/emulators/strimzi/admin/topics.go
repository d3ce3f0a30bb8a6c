package admin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrUnsupported is what Kafka cannot do to a topic that exists.
var ErrUnsupported = errors.New("not supported")

// Topic is a topic as it should be. Zero partitions or replicas are the cluster's default.
type Topic struct {
	Name       string
	Partitions int32
	Replicas   int16
	Config     map[string]string
}

// EnsureTopic makes the topic, or makes what exists like it, and returns its id.
func (c *Client) EnsureTopic(ctx context.Context, want Topic) (string, error) {
	found, err := c.topic(ctx, want.Name)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return c.create(ctx, want)
	}
	if err != nil {
		return "", err
	}
	if err := c.configure(ctx, want); err != nil {
		return "", err
	}
	return topicID(found.ID), c.size(ctx, want, found)
}

// DeleteTopic deletes the topic and its messages.
func (c *Client) DeleteTopic(ctx context.Context, name string) error {
	response, err := c.adm.DeleteTopics(ctx, name)
	if err != nil {
		return err
	}
	return unless(kerr.UnknownTopicOrPartition, explained(response[name].Err, response[name].ErrMessage))
}

func (c *Client) topic(ctx context.Context, name string) (kadm.TopicDetail, error) {
	found, err := c.adm.ListTopics(fresh(ctx), name)
	if err != nil {
		return kadm.TopicDetail{}, err
	}
	return found[name], found[name].Err
}

func (c *Client) create(ctx context.Context, want Topic) (string, error) {
	partitions, replicas := want.Partitions, want.Replicas
	if partitions == 0 {
		partitions = -1
	}
	if replicas == 0 {
		replicas = -1
	}
	config := map[string]*string{}
	for name, value := range want.Config {
		config[name] = &value
	}
	made, err := c.adm.CreateTopic(ctx, partitions, replicas, config, want.Name)
	if err != nil {
		return "", explained(err, made.ErrMessage)
	}
	return topicID(made.ID), nil
}

// topicID is Kafka's own notation: URL-safe base64 without padding. The library's is another.
func topicID(id kadm.TopicID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// BrokersInUse are the brokers that have a replica of some partition, of Kafka's own topics too.
func (c *Client) BrokersInUse(ctx context.Context) (map[int32]bool, error) {
	found, err := c.adm.ListTopicsWithInternal(fresh(ctx))
	if err != nil {
		return nil, err
	}
	used := map[int32]bool{}
	for _, topic := range found {
		if topic.Err != nil {
			return nil, fmt.Errorf("topic %s: %w", topic.Topic, topic.Err)
		}
		for _, partition := range topic.Partitions {
			for _, broker := range partition.Replicas {
				used[broker] = true
			}
		}
	}
	return used, nil
}

// size adds partitions. The rest cannot be changed (BatchingTopicController, without Cruise Control).
func (c *Client) size(ctx context.Context, want Topic, found kadm.TopicDetail) error {
	have := int32(len(found.Partitions))
	var other []int32
	for _, partition := range found.Partitions.Sorted() {
		if want.Replicas != 0 && len(partition.Replicas) != int(want.Replicas) {
			other = append(other, partition.Partition)
		}
	}
	switch {
	case want.Partitions != 0 && want.Partitions < have:
		return fmt.Errorf("%w: Decreasing partitions not supported", ErrUnsupported)
	case len(other) > 0:
		return fmt.Errorf("%w: Replication factor change not supported, but required for partitions %v", ErrUnsupported, other)
	case want.Partitions == 0 || want.Partitions == have:
		return nil
	}
	response, err := c.adm.UpdatePartitions(ctx, int(want.Partitions), want.Name)
	if err != nil {
		return err
	}
	return explained(response[want.Name].Err, response[want.Name].ErrMessage)
}

// configure sets what the topic asks for and unsets what it no longer does.
func (c *Client) configure(ctx context.Context, want Topic) error {
	described, err := c.adm.DescribeTopicConfigs(ctx, want.Name)
	if err != nil {
		return err
	}
	have := map[string]string{}
	if _, err := described.On(want.Name, func(r *kadm.ResourceConfig) error {
		for _, setting := range r.Configs {
			if setting.Source == kmsg.ConfigSourceDynamicTopicConfig && setting.Value != nil {
				have[setting.Key] = *setting.Value
			}
		}
		return r.Err
	}); err != nil {
		return err
	}
	changes := changed(have, want.Config)
	if len(changes) == 0 {
		return nil
	}
	response, err := c.adm.AlterTopicConfigs(ctx, changes, want.Name)
	if err != nil {
		return err
	}
	for _, r := range response {
		err = errors.Join(err, explained(r.Err, r.ErrMessage))
	}
	return err
}

func changed(have, want map[string]string) []kadm.AlterConfig {
	var changes []kadm.AlterConfig
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if value, set := have[name]; !set || value != want[name] {
			value = want[name]
			changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, wanted := want[name]; !wanted {
			changes = append(changes, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: name})
		}
	}
	return changes
}
