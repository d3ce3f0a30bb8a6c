package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFlags(t *testing.T) {
	o, listen, err := parse([]string{"--kafka.server=one:9091", "--kafka.server=two:9091", "--web.listen-address=:9404", "--group.filter=^mail$"})
	require.NoError(t, err)
	require.Equal(t, []string{"one:9091", "two:9091"}, o.Servers)
	require.Equal(t, ":9404", listen)
	require.Equal(t, "^mail$", o.Groups.Include.String())
	require.Nil(t, o.Security)

	o, listen, err = parse(nil)
	require.NoError(t, err)
	require.Equal(t, "kafka:9092 :9308 .* ^$", o.Servers[0]+" "+listen+" "+o.Topics.Include.String()+" "+o.Topics.Exclude.String())

	for _, wrong := range []string{"--topic.filter=(", "--group.exclude=(", "--tls.enabled", "--sasl.enabled"} {
		_, _, err := parse([]string{wrong})
		require.Error(t, err, wrong)
	}
}

// As the real one: a pod that cannot reach Kafka restarts.
func TestEndsWithoutKafka(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.ErrorContains(t, run(ctx, []string{"--kafka.server=127.0.0.1:1"}), "no broker")
}
