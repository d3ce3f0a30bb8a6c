//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// end is a pod, or the machine, as the start or the end of a connection.
type end struct {
	// part is what the table calls it, name what a person does.
	part, name, ip string
	// ports are those that its containers declare, by number.
	ports []int
	// network is the pod's network namespace; nil for the machine.
	network *os.File
}

// mayConnect has who may connect to what, part by part: whatever is not here is refused.
// Every port of every pod is a row, so that one that nobody may use from a pod is tried too.
var mayConnect = map[string][]string{
	"postgres:5432": {"postgres", "postgres-exporter", "app", "analytics", "email", "relay", "shardctl"},
	"redis:6379":    {"redis-exporter", "app", "invalidate"},
	"kafka:9090":    {"kafka"},
	"kafka:9091":    {"kafka", "kafka-entity-operator", "kafka-kafka-exporter"},
	"kafka:9093":    {"analytics", "email", "invalidate", "relay", "kafka-entity-operator", "kafka-kafka-exporter"},
	// Strimzi lets everybody ask whether its operators are well and what its exporter counts, so who may send
	// decides.
	"kafka-entity-operator:8080": {"kafka", "kafka-kafka-exporter", "stranger in default"},
	"kafka-entity-operator:8081": {"kafka", "kafka-kafka-exporter", "stranger in default"},
	"kafka-kafka-exporter:9404":  {"kafka", "kafka-entity-operator", "stranger in default"},
	// The edge comes from anywhere; the stack's own pods have no business there.
	"app:8080": {"stranger in default"},

	// The cluster's DNS and API server, and the mail provider, are on the machine.
	"machine:53":    {"postgres", "postgres-exporter", "redis-exporter", "kafka", "kafka-entity-operator", "kafka-kafka-exporter", "app", "analytics", "email", "invalidate", "relay", "shardctl", "stranger in default"},
	"machine:6443":  {"kafka", "kafka-entity-operator", "kafka-kafka-exporter", "stranger in default"},
	"machine:1025":  {"email", "stranger in default"},
	"machine:10250": {"stranger in default"},
}

// stranger is a pod that the stack does not know. Nobody listens: its ports, of DNS servers and of
// an API server, may not lead to others.
const stranger = `
apiVersion: v1
kind: Pod
metadata: {name: stranger, namespace: %s}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65534, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: pause
      image: scalestack/pause:lab
      imagePullPolicy: Never
      ports: [{containerPort: 53}, {containerPort: 443}, {containerPort: 6443}]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      resources: {limits: {cpu: 10m, memory: 16Mi}}
---
`

// TestWhoMayConnect tries every pair of pods on every port, from inside the pods' networks.
// The policies say who may; this says who can.
func TestWhoMayConnect(t *testing.T) {
	namespace := outputs(t).Namespace
	const elsewhere = "default"
	file := filepath.Join(t.TempDir(), "strangers.yaml")
	require.NoError(t, os.WriteFile(file, []byte(fmt.Sprintf(stranger, namespace)+fmt.Sprintf(stranger, elsewhere)), 0o600))
	t.Cleanup(func() {
		try(t, "kubectl", "delete", "-f", file, "--ignore-not-found", "--grace-period=1", "--timeout=60s")
	})
	kubectl(t, "apply", "-f", file)
	for _, of := range []string{namespace, elsewhere} {
		kubectl(t, "wait", "-n", of, "pod/stranger", "--for=condition=Ready", "--timeout=60s")
	}

	ends := append(runningEnds(t, namespace), runningEnds(t, elsewhere)...)
	machine := end{part: "machine", name: "machine", ip: "10.244.0.1", ports: []int{53, 1025, 6443, 10250}}
	tried := map[string]int{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, from := range ends {
		for _, to := range append(slices.Clone(ends), machine) {
			if from.name == to.name {
				continue // nobody can refuse a pod to itself
			}
			group.Go(func() {
				for _, port := range to.ports {
					reached, err := connects(from, to.ip, port)
					row := to.part + ":" + strconv.Itoa(port)
					mu.Lock()
					tried[row]++
					assert.NoError(t, err, "%s to %s port %d", from.name, to.name, port)
					assert.Equal(t, slices.Contains(mayConnect[row], from.part), reached, "%s connects to port %d of %s", from.name, port, to.name)
					mu.Unlock()
				}
			})
		}
	}
	group.Wait()
	t.Logf("tried, by part and port: %v", tried)
	for row := range mayConnect {
		assert.NotZero(t, tried[row], "%s: no such part, or no such port", row)
	}
}

// connects is whether the kernel of the other end answers a connection from within the
// pod's network: one that is refused by a policy gets no answer at all.
func connects(from end, ip string, port int) (reached bool, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The thread ends with this goroutine: it never comes back to the machine's network.
		runtime.LockOSThread()
		if err = unix.Setns(int(from.network.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", net.JoinHostPort(ip, strconv.Itoa(port)), 2*time.Second); err == nil {
			conn.Close()
		}
		var timeout net.Error
		reached = err == nil || errors.Is(err, syscall.ECONNREFUSED)
		if reached || errors.As(err, &timeout) && timeout.Timeout() {
			err = nil
		}
	}()
	<-done
	return reached, err
}

// networkOf opens the network namespace of a pod.
func networkOf(t *testing.T, uid string) *os.File {
	t.Helper()
	processes := inGroup("/pod" + uid)
	require.NotEmpty(t, processes, "pod %s", uid)
	network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", processes[0]))
	require.NoError(t, err)
	t.Cleanup(func() { network.Close() })
	return network
}

// runningEnds are the namespace's running pods. Those that begin or end right now are
// left out: their addresses are not yet known to everybody.
func runningEnds(t *testing.T, namespace string) (ends []end) {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name, UID         string
				Labels            map[string]string
				DeletionTimestamp string
			}
			Spec struct {
				Containers []struct {
					Ports []struct{ ContainerPort int }
				}
			}
			Status struct {
				Phase, PodIP string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, "get", "pods", "-n", namespace, "-o", "json")), &list))
	for _, pod := range list.Items {
		if pod.Status.Phase != "Running" || pod.Metadata.DeletionTimestamp != "" {
			continue
		}
		labels := pod.Metadata.Labels
		part := cmp.Or(strings.TrimSuffix(labels["strimzi.io/name"], "-kafka"), labels["app.kubernetes.io/name"], pod.Metadata.Name+" in "+namespace)
		one := end{part: part, name: namespace + "/" + pod.Metadata.Name, ip: pod.Status.PodIP, network: networkOf(t, pod.Metadata.UID)}
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				one.ports = append(one.ports, port.ContainerPort)
			}
		}
		ends = append(ends, one)
	}
	return ends
}
