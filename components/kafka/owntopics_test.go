package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/settings"
)

// brokers is a cluster with as many.
func brokers(n int, own OwnTopics) *Args {
	return &Args{OwnTopics: own, Pools: []Pool{
		{Name: "controllers", Roles: []Role{Controller}, Replicas: 3}, {Name: "brokers", Roles: []Role{Broker}, Replicas: n},
	}}
}

// The default of the replication factor follows the number of brokers. Kafka's own topics
// do not follow it, so that somebody has to say what they have.
func TestKafkasOwnTopicsHaveTheCopiesTheyWereMadeWith(t *testing.T) {
	minInSync := func(n int, own OwnTopics) *Args {
		a := brokers(3, own)
		a.MinInSync = n
		return a
	}
	const tail = " (docs/kafka.md)"
	const copies = "ownTopics.replicas: Invalid value: 3: must be said, since Kafka does not change __consumer_offsets and __transaction_state once they exist: " +
		"set it to 1 as before; or change them with kafka-reassign-partitions.sh, and then set it to 3" + tail
	const least = "ownTopics.minInSync: Invalid value: 2: must be said, since Kafka does not change __transaction_state once it exists: " +
		"set it to 1 as before; or change it with kafka-configs.sh, and then set it to 2" + tail
	for name, c := range map[string]struct {
		before, after *Args
		want          string
	}{
		"the same":            {brokers(3, OwnTopics{}), brokers(3, OwnTopics{}), ""},
		"more than three":     {brokers(3, OwnTopics{}), brokers(5, OwnTopics{}), ""},
		"two do not suffice":  {brokers(1, OwnTopics{}), brokers(2, OwnTopics{}), "replicas: Invalid value: 2"},
		"grown":               {brokers(1, OwnTopics{}), brokers(3, OwnTopics{}), copies},
		"grown, as before":    {brokers(1, OwnTopics{}), brokers(3, OwnTopics{Replicas: 1}), ""},
		"reassigned":          {brokers(3, OwnTopics{Replicas: 1}), brokers(3, OwnTopics{Replicas: 3, MinInSync: 2}), ""},
		"written down":        {brokers(3, OwnTopics{Replicas: 3, MinInSync: 2}), brokers(3, OwnTopics{}), ""},
		"in sync":             {minInSync(1, OwnTopics{}), minInSync(2, OwnTopics{}), least},
		"in sync, as before":  {minInSync(1, OwnTopics{}), minInSync(2, OwnTopics{MinInSync: 1}), ""},
		"less than there are": {brokers(3, OwnTopics{}), brokers(3, OwnTopics{Replicas: 2}), "minInSync: Invalid value: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, c.after.Validate())
			err := settings.Err(clusterChange(c.after.withDefaults(), changed(t, c.before, c.after, "Kafka", "kafka")))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestOwnTopicsFollowTheCluster(t *testing.T) {
	config := func(a *Args) []any {
		own := a.withDefaults().brokerConfig()
		return []any{own[offsetsReplicas], own[transactionReplicas], own[transactionMinInSync], own["default.replication.factor"]}
	}
	require.Equal(t, []any{3, 3, 2, 3}, config(brokers(3, OwnTopics{})))
	require.Equal(t, []any{1, 1, 1, 1}, config(brokers(1, OwnTopics{})))
	require.Equal(t, []any{1, 1, 1, 3}, config(brokers(3, OwnTopics{Replicas: 1})))
	requireMistakes(t, map[string]func(*Args){
		`ownTopics.replicas: Invalid value: 4: must be between 1 and the number of brokers, 3`: func(a *Args) { a.OwnTopics.Replicas = 4 },
		`ownTopics.replicas: Invalid value: -1: must be between 1 and 100`:                     func(a *Args) { a.OwnTopics.Replicas = -1 },
		`ownTopics.minInSync: Invalid value: 3: must be below the 3 replicas`:                  func(a *Args) { a.OwnTopics.MinInSync = 3 },
		`ownTopics.minInSync: Invalid value: 2: must be 1 with a single replica`:               func(a *Args) { a.OwnTopics = OwnTopics{1, 2} },
		`replicationFactor: Invalid value: 5: must be between 1 and the number of brokers, 3`:  func(a *Args) { a.ReplicationFactor = 5 },
	})
}
