//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/load"
)

// A consumer without events has no pod, is deployed in its sleep, wakes up for one
// event, and gets its pods back with the next autoscaler.
func TestAConsumerSleeps(t *testing.T) {
	onlyInProveScaling(t)
	const email = "email"
	namespace := outputs(t).Namespace
	backToDev(t)
	deploy := func(env string, triggers any) {
		pulumi(t, "up", "--yes", "--skip-preview", "--config-file", editedFile(t, func(config map[string]any) {
			service := config["scalestack:services"].(map[string]any)[email].(map[string]any)
			if service["triggers"] = triggers; triggers == nil {
				delete(service, "triggers")
			}
			service["env"].(map[string]any)["SCALESTACK_LOG_LEVEL"] = env
		}))
	}
	asleep := func() error {
		if n := replicas(t, namespace, email, "{.status.replicas}"); n != 0 {
			return fmt.Errorf("%d pods", n)
		}
		return nil
	}
	sleepy := map[string]any{"lag": map[string]any{"perReplica": 50, "scaleToZeroAfterSeconds": 15}}

	deploy("info", sleepy)
	began := time.Now()
	eventually(t, 2*time.Minute, "no pod without events", asleep)
	t.Logf("no pod %s after the deployment", time.Since(began).Round(time.Second))

	deploy("debug", sleepy)
	require.Equal(t, "debug", kubectl(t, "get", "deployment", email, "-n", namespace, "-o",
		`jsonpath={.spec.template.spec.containers[0].env[?(@.name=="SCALESTACK_LOG_LEVEL")].value}`), "a change is deployed without a pod")
	eventually(t, 2*time.Minute, "no pod after a deployment", asleep)

	before, began := mails(t), time.Now()
	users, _ := load.Register(t.Context(), load.RegisterOptions{
		Target: appTarget(t, namespace), Run: fmt.Sprintf("sleep-%d", began.Unix()), Count: 1, Patience: time.Minute,
	}).Wait()
	require.Len(t, users, 1)
	eventually(t, 2*time.Minute, "the mail", func() error {
		if n := mails(t); n <= before {
			return fmt.Errorf("%d mails, %d before", n, before)
		}
		return nil
	})
	t.Logf("mail %s after the registration that woke the consumer up", time.Since(began).Round(100*time.Millisecond))
	eventually(t, 2*time.Minute, "no pod again", asleep)

	deploy("info", nil)
	eventually(t, time.Minute, "a pod by the service's own autoscaler", func() error { return runs(t, namespace, email, 1, 1) })
}

// Requests that wait use no CPU and count as what they are, by the trigger for them and
// by a query.
func TestRequestsAndQueries(t *testing.T) {
	onlyInProveScaling(t)
	const app = "app"
	namespace := outputs(t).Namespace
	c := newClient(t)
	backToDev(t)
	for name, triggers := range map[string]map[string]any{
		"requests": {"requests": map[string]any{"perReplica": 5}},
		"queries": {"queries": []any{map[string]any{
			"query":      fmt.Sprintf(`sum(scalestack_http_requests_in_flight{namespace=%q,container=%q})`, namespace, app),
			"perReplica": "5",
		}}},
	} {
		eventually(t, 4*time.Minute, "the minimum", func() error {
			if n := replicas(t, namespace, app, "{.spec.replicas}"); n != minReplicas {
				return fmt.Errorf("%d pods", n)
			}
			return nil
		})
		withTriggers(t, namespace, triggers, "http://127.0.0.1:18428", 10)
		release := fillPools(t, c, namespace)
		began := time.Now()
		eventually(t, 90*time.Second, "more pods by "+name, func() error { return runs(t, namespace, app, minReplicas+1, 0) })
		t.Logf("%s: more pods wanted after %s", name, time.Since(began).Round(time.Second))
		release()
	}
}

// mails is how many the mail provider of the lab has.
func mails(t *testing.T) int {
	t.Helper()
	answer, err := http.Get("http://127.0.0.1:18025/messages/count")
	require.NoError(t, err)
	defer answer.Body.Close()
	var count struct{ Messages int }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&count))
	return count.Messages
}
