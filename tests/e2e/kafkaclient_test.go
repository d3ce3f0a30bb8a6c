//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// applyKafka makes a topic or user until the test ends, and waits until it is Ready.
func applyKafka(t *testing.T, kind, name, manifest string) {
	t.Helper()
	namespace := outputs(t).Namespace
	write(t, manifest)
	t.Cleanup(func() {
		text, err := try(t, "kubectl", "delete", kind, name, "-n", namespace, "--ignore-not-found", "--timeout=60s")
		require.NoError(t, err, text)
	})
	kubectl(t, "wait", kind+"/"+name, "-n", namespace, "--for=condition=Ready", "--timeout=60s")
}

func write(t *testing.T, manifest string) {
	t.Helper()
	cmd := exec.Command("kubectl", "apply", "-n", outputs(t).Namespace, "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", manifest, text)
}

func topicManifest(name string, partitions int) string {
	return fmt.Sprintf(`
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaTopic
metadata: {name: %s, labels: {strimzi.io/cluster: kafka}}
spec: {partitions: %d, replicas: 1, config: {retention.ms: 3600000}}
`, name, partitions)
}

// userManifest is a user with rules such as "topic e2e Read".
func userManifest(name string, rules ...string) string {
	var acls strings.Builder
	for _, rule := range rules {
		part := strings.Fields(rule)
		fmt.Fprintf(&acls, "\n    - {resource: {type: %s, name: %q, patternType: literal}, operations: [%s]}", part[0], part[1], part[2])
	}
	return fmt.Sprintf(`
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaUser
metadata: {name: %s, labels: {strimzi.io/cluster: kafka}}
spec:
  authentication: {type: scram-sha-512}
  authorization:
    type: simple
    acls: %s
`, name, acls.String())
}

// kafkaAs is a client with the user's own password.
func kafkaAs(t *testing.T, user string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	return kafkaWith(t, user, secret(t, outputs(t).Namespace, "kafka-user-"+user, "password"), options...)
}

// kafkaWith connects as a pod does, by the names and the certificate that the
// cluster gives to its clients.
func kafkaWith(t *testing.T, user, password string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	namespace := outputs(t).Namespace
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(secret(t, namespace, "kafka-cluster-ca-cert", `ca\.crt`))))
	dial := clusterDialer(serviceAddress(t, "kube-system", "kube-dns"))
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(fmt.Sprintf("kafka-kafka-bootstrap.%s.svc:9093", namespace)),
		kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()),
		kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			plain, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			host, _, _ := net.SplitHostPort(address)
			return tls.Client(plain, &tls.Config{RootCAs: roots, ServerName: host}), nil
		}),
	}, options...)...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// clusterDialer resolves names with the cluster's DNS, which this machine does
// not use.
func clusterDialer(dns string) func(ctx context.Context, network, address string) (net.Conn, error) {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, dns)
	}}
	dialer := &net.Dialer{Resolver: resolver, Timeout: 10 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, strings.Replace(address, ".svc:", ".svc.cluster.local.:", 1))
	}
}

func produce(t *testing.T, client *kgo.Client, topic, value string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr()
}

// consumed are the values of all messages that the topic has now.
func consumed(t *testing.T, user, topic string) []string {
	t.Helper()
	client := kafkaAs(t, user, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), topic)
	require.NoError(t, err)
	require.NoError(t, ends.Error())
	want := int64(0)
	ends.Each(func(o kadm.ListedOffset) { want += o.Offset })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var values []string
	for int64(len(values)) < want {
		fetches := client.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}
