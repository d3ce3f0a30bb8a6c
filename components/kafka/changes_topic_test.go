package kafka

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/internal/settings"
)

const (
	sayIt = ", or stored messages are deleted: keep it, or name the topic in removed.messages, deploy, and only then change it"
	topic = "topics[orders]."
)

// events is one topic of a small cluster.
func events(one Topic, released ...string) *Args {
	one.Name = "orders"
	return &Args{Topics: []Topic{one}, Removed: Removed{Messages: released}}
}

// refusal holds the topic against what it was.
func refusal(t *testing.T, before, after *Args) error {
	t.Helper()
	require.NoError(t, after.Validate())
	return settings.Err(topicChange(after.withDefaults(), changed(t, before, after, "KafkaTopic", "orders")))
}

func TestStoredMessagesStay(t *testing.T) {
	for name, c := range map[string]struct {
		from, to Topic
		want     string
	}{
		"nothing":               {Topic{}, Topic{}, ""},
		"longer":                {Topic{RetentionHours: 1}, Topic{}, ""},
		"for ever":              {Topic{}, Topic{RetentionHours: -1}, ""},
		"stays for ever":        {Topic{RetentionHours: -1}, Topic{RetentionHours: -1}, ""},
		"a smaller message":     {Topic{MaxMessageBytes: 4096}, Topic{MaxMessageBytes: 1024}, ""},
		"compacted, shorter":    {Topic{Compact: true, RetentionHours: -1}, Topic{Compact: true, RetentionHours: 1}, ""},
		"shorter":               {Topic{RetentionHours: 720}, Topic{RetentionHours: 1}, topic + "retentionHours: Invalid value: 1: must be at least 720" + sayIt},
		"the default":           {Topic{RetentionHours: 720}, Topic{}, topic + "retentionHours: Invalid value: 168: must be at least 720" + sayIt},
		"no longer for ever":    {Topic{RetentionHours: -1}, Topic{RetentionHours: 87600}, topic + "retentionHours: Invalid value: 87600: must stay -1, for ever" + sayIt},
		"compacted":             {Topic{}, Topic{Compact: true}, topic + "compact: Invalid value: true: must stay false" + sayIt},
		"no longer compacted":   {Topic{Compact: true}, Topic{RetentionHours: -1}, topic + "compact: Invalid value: false: must stay true" + sayIt},
		"the entry is left out": {Topic{Compact: true, RetentionHours: -1}, Topic{}, topic + "compact: Invalid value: false: must stay true" + sayIt},
	} {
		t.Run(name, func(t *testing.T) {
			err := refusal(t, events(c.from), events(c.to))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

// To name the topic and to change it is not one step: a preview of the first shows what
// the second may do.
func TestReleasedMessagesMayGo(t *testing.T) {
	short := Topic{RetentionHours: 1}
	require.Error(t, refusal(t, events(Topic{}), events(short, "orders")))
	require.Error(t, refusal(t, events(Topic{}, "order"), events(short)), "another topic")
	require.NoError(t, refusal(t, events(Topic{}, "orders"), events(short, "orders")))
	require.NoError(t, refusal(t, events(Topic{}, "orders"), events(Topic{Compact: true})))
	require.Error(t, refusal(t, events(short), events(Topic{Compact: true})), "it was named once, and no longer")
}

// Topics have no limit by size of their own, so that the broker's is theirs.
func TestTheBrokersLimitDeletesNoMessages(t *testing.T) {
	limit := func(value string, released ...string) *Args {
		a := events(Topic{}, released...)
		a.Topics = append(a.Topics, Topic{Name: "people", Compact: true})
		if value != "" {
			a.Config = map[string]string{"log.retention.bytes": value}
		}
		return a
	}
	seen := func(before, after *Args) error {
		require.NoError(t, after.Validate())
		return settings.Err(clusterChange(after.withDefaults(), changed(t, before, after, "Kafka", "kafka")))
	}
	const say = ", or stored messages of topic orders are deleted: keep it, or name every topic without compact in removed.messages, deploy, and only then change it"
	require.EqualError(t, seen(limit(""), limit("1000")), `config[log.retention.bytes]: Invalid value: "1000": must be at least -1 (no limit)`+say)
	require.EqualError(t, seen(limit("1000"), limit(" 0 ")), `config[log.retention.bytes]: Invalid value: " 0 ": must be at least 1000`+say)
	for _, free := range []string{"", "-1", "1000", "1001"} {
		require.NoError(t, seen(limit("1000"), limit(free)), free)
	}
	require.NoError(t, seen(limit("", "orders"), limit("1000")))
	first := limit("")
	first.Topics = first.Topics[1:]
	require.NoError(t, seen(first, limit("1000")), "a new topic has no messages")
}

// A deployment that releases nothing changes no object for it.
func TestOnlyReleasedTopicsHaveTheAnnotation(t *testing.T) {
	annotations := func(a *Args, kind, name string) map[string]string {
		all := map[string]string{}
		for _, key := range []string{MessagesAnnotation, TopicsAnnotation} {
			all[key] = kubetest.Text(run(t, a).Get(t, kind, name), annotationPath(key))
		}
		maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
		return all
	}
	require.Empty(t, annotations(events(Topic{}), "KafkaTopic", "orders"))
	require.Equal(t, map[string]string{TopicsAnnotation: "orders"}, annotations(events(Topic{}), "Kafka", "kafka"))
	two := events(Topic{}, "orders", "gone")
	require.Equal(t, map[string]string{MessagesAnnotation: "orders"}, annotations(two, "KafkaTopic", "orders"))
	require.Equal(t, map[string]string{TopicsAnnotation: "orders", MessagesAnnotation: "gone,orders"}, annotations(two, "Kafka", "kafka"))
}
