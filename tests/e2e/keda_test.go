//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/load"
)

// A burst of registrations meets a slow mail provider: the consumer's pods follow the
// lag that the broker counts, and go again. CPU plays no part, it waits for the
// provider.
func TestReplicasFollowTheLag(t *testing.T) {
	const email = "email"
	namespace := outputs(t).Namespace
	eventually(t, 30*time.Second, "one pod without load", func() error { return runs(t, namespace, email, 1, 1) })
	slowMail(t, 500)

	began := time.Now()
	registered := load.Register(t.Context(), load.RegisterOptions{
		Target: appTarget(t, namespace), Run: fmt.Sprintf("burst-%d", began.Unix()), Count: 600, Rate: 150, Patience: time.Minute,
	})
	users, report := registered.Wait()
	t.Logf("registrations: %s", report)
	require.Len(t, users, 600)
	eventually(t, 60*time.Second, "more pods are wanted", func() error { return runs(t, namespace, email, 3, 0) })
	wanted := time.Since(began)
	eventually(t, 60*time.Second, "more pods are ready", func() error { return runs(t, namespace, email, 0, 3) })
	t.Logf("from the first event to the wish for pods %s, to ready pods %s", wanted.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))

	slowMail(t, 0)
	calm := time.Now()
	eventually(t, 90*time.Second, "one pod again", func() error {
		if n := replicas(t, namespace, email, "{.spec.replicas}"); n != 1 {
			return fmt.Errorf("%d pods", n)
		}
		return nil
	})
	t.Logf("one pod again %s after the provider was quick again", time.Since(calm).Round(time.Second))
}

// The autoscaler of a service becomes KEDA's and its own again without losing a pod.
// Full connection pools are no reason for CPU to scale, and are one for KEDA. With
// Prometheus gone CPU still scales.
func TestConnectionsAndADeadSource(t *testing.T) {
	onlyInProveScaling(t)
	const app = "app"
	namespace := outputs(t).Namespace
	c := newClient(t)
	for id := range int64(200) {
		require.NoError(t, c.put(id+1, profile{Name: "waits", Email: fmt.Sprintf("waits%d@example.com", id)}))
	}
	eventually(t, 6*time.Minute, "the minimum", func() error { return runs(t, namespace, app, minReplicas, minReplicas) })
	backToDev(t)

	release := fillPools(t, c, namespace)
	time.Sleep(45 * time.Second)
	require.Equal(t, minReplicas, replicas(t, namespace, app, "{.spec.replicas}"), "CPU alone sees nothing")
	release()

	// A lull of a minute during a change is no reason to lose a pod.
	const window = 300
	withTriggers(t, namespace, map[string]any{"connections": map[string]any{"percent": 50}}, "http://127.0.0.1:18428", window)
	began := time.Now()
	release = fillPools(t, c, namespace)
	eventually(t, 90*time.Second, "more pods for full pools", func() error { return runs(t, namespace, app, minReplicas+1, 0) })
	t.Logf("full pools: more pods wanted after %s", time.Since(began).Round(time.Second))
	release()
	// A new pod asks the shards before it is ready, and the locks were theirs too.
	eventually(t, 90*time.Second, "the new pods are ready", func() error { return runs(t, namespace, app, 0, minReplicas+1) })

	before := replicas(t, namespace, app, "{.spec.replicas}")
	withTriggers(t, namespace, map[string]any{"connections": map[string]any{"percent": 50}}, "http://127.0.0.1:1", window)
	t.Logf("%d pods before the source died, %d after", before, replicas(t, namespace, app, "{.spec.replicas}"))
	stop := keepBusy(t, c, 8)
	eventually(t, 4*time.Minute, "more pods by CPU without Prometheus", func() error {
		text := kubectl(t, "get", "hpa/keda-hpa-app", "-n", namespace, "-o", "jsonpath={.status.desiredReplicas}")
		if n, err := strconv.Atoi(text); err != nil || n <= before {
			return fmt.Errorf("%s pods wanted, %d before", text, before)
		}
		return nil
	})

	// The load goes on, so that no autoscaler has a reason to take a pod away.
	now := replicas(t, namespace, app, "{.spec.replicas}")
	lost := watchReplicas(t, namespace, app)
	pulumi(t, "up", "--yes", "--skip-preview")
	require.GreaterOrEqual(t, lost(), now, "pods during the change to the service's own autoscaler")
	stop()
	require.Equal(t, app, kubectl(t, "get", "hpa/app", "-n", namespace, "-o", "jsonpath={.spec.scaleTargetRef.name}"))
	hpas := kubectl(t, "get", "hpa", "-n", namespace, "-o", "name")
	require.NotContains(t, hpas, "keda-hpa-app")
}

// An update whose trigger KEDA cannot build fails the deployment with KEDA's words, again
// without a change, and the autoscaler of before goes on. The former spec was ready.
func TestARefusedTriggerFailsTheUpdate(t *testing.T) {
	onlyInProveScaling(t)
	namespace := outputs(t).Namespace
	backToDev(t)
	// Only what KEDA logs in with changes, which neither KEDA nor Pulumi looks at by itself.
	passwordIn := func(key string) {
		kubectl(t, "patch", "triggerauthentication/email-lag", "-n", namespace, "--type=json",
			"--patch", `[{"op":"replace","path":"/spec/secretTargetRef/0/key","value":"`+key+`"}]`)
	}
	passwordIn("none")
	t.Cleanup(func() { passwordIn("password") })
	file := editedFile(t, func(config map[string]any) {
		email := config["scalestack:services"].(map[string]any)["email"].(map[string]any)
		email["replicas"] = map[string]any{"min": 1, "max": 3}
	})
	const most = "jsonpath={.spec.maxReplicas}"
	before := kubectl(t, "get", "hpa/keda-hpa-email", "-n", namespace, "-o", most)
	for range 2 {
		said, err := try(t, "pulumi", "up", "--stack", stackName, "--yes", "--skip-preview", "--non-interactive", "--config-file", file)
		require.Error(t, err, said)
		require.Contains(t, said, "KEDA does not scale by it as it is now")
		require.Contains(t, said, "ScaledObjectCheckFailed")
	}
	require.Equal(t, before, kubectl(t, "get", "hpa/keda-hpa-email", "-n", namespace, "-o", most))
}

// backToDev deploys dev's own configuration when the test ends.
func backToDev(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { command(t, "pulumi", "up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive") })
}

func onlyInProveScaling(t *testing.T) {
	t.Helper()
	if os.Getenv("SCALING") == "" {
		t.Skip("make prove-scaling")
	}
}

// withTriggers deploys the app with triggers, and requires that no pod is lost. Pods go
// after so many seconds without a reason for them.
func withTriggers(t *testing.T, namespace string, triggers map[string]any, prometheus string, window int) {
	t.Helper()
	file := editedFile(t, func(config map[string]any) {
		config["scalestack:keda"] = map[string]any{"prometheus": prometheus}
		users := config["scalestack:services"].(map[string]any)["users"].(map[string]any)
		users["triggers"] = triggers
		users["behavior"] = map[string]any{"down": map[string]any{"windowSeconds": window}}
	})
	before := replicas(t, namespace, "app", "{.spec.replicas}")
	fewest := watchReplicas(t, namespace, "app")
	pulumi(t, "up", "--yes", "--skip-preview", "--config-file", file)
	require.GreaterOrEqual(t, fewest(), before, "pods during the change to KEDA")
	require.NotContains(t, kubectl(t, "get", "hpa", "-n", namespace, "-o", "name"), "/app\n")
	eventually(t, time.Minute, "KEDA's autoscaler is able to scale", func() error {
		status := kubectl(t, "get", "hpa/keda-hpa-app", "-n", namespace, "-o", `jsonpath={.status.conditions[?(@.type=="AbleToScale")].status}`)
		if status != "True" {
			return fmt.Errorf("AbleToScale is %q", status)
		}
		return nil
	})
}

// watchReplicas returns the fewest pods that the Deployment wanted until it is asked.
func watchReplicas(t *testing.T, namespace, name string) (fewest func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	least := replicas(t, namespace, name, "{.spec.replicas}")
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			text, err := try(t, "kubectl", "get", "deployment", name, "-n", namespace, "-o", "jsonpath={.spec.replicas}")
			if n, wrong := strconv.Atoi(text); err == nil && wrong == nil {
				least = min(least, n)
			}
			time.Sleep(200 * time.Millisecond)
		}
	})
	return func() int { cancel(); watching.Wait(); return least }
}

// fillPools lets requests wait for a lock on every shard, so that they hold their
// connections and use no CPU.
func fillPools(t *testing.T, c *client, namespace string) (release func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	var all sync.WaitGroup
	for shard := range outputs(t).Shards {
		conn := database(t, namespace, shard)
		transaction, err := conn.Begin(ctx)
		require.NoError(t, err)
		_, err = transaction.Exec(ctx, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
		require.NoError(t, err)
		all.Go(func() { <-ctx.Done(); _ = transaction.Rollback(context.Background()) })
	}
	for client := range 64 {
		all.Go(func() {
			for ctx.Err() == nil {
				_ = c.put(int64(client*3+1), profile{Name: "waits", Email: fmt.Sprintf("waits%d@example.com", client*3)})
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	release = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(release)
	return release
}

// runs reports whether so many pods at least are wanted and ready.
func runs(t *testing.T, namespace, name string, wanted, ready int) error {
	t.Helper()
	is, are := replicas(t, namespace, name, "{.spec.replicas}"), replicas(t, namespace, name, "{.status.readyReplicas}")
	if is < wanted || are < ready {
		return fmt.Errorf("%s has %d pods of which %d are ready, want %d and %d: %s", name, is, are, wanted, ready,
			kubectl(t, "get", "hpa", "-n", namespace))
	}
	return nil
}

func replicas(t *testing.T, namespace, name, field string) int {
	t.Helper()
	text := strings.TrimSpace(kubectl(t, "get", "deployment", name, "-n", namespace, "-o", "jsonpath="+field))
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// slowMail makes the mail provider of the lab take so many milliseconds for a mail.
func slowMail(t *testing.T, ms int) {
	t.Helper()
	set := func(ms int) error {
		answer, err := http.Post(fmt.Sprintf("http://127.0.0.1:18025/delay?ms=%d", ms), "", nil)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("the mail provider says %s", answer.Status)
		}
		return nil
	}
	require.NoError(t, set(ms))
	t.Cleanup(func() { require.NoError(t, set(0)) })
}

func appTarget(t *testing.T, namespace string) load.Target {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	return load.Target{Base: "http://" + serviceAddress(t, namespace, "app"), HTTP: &http.Client{Transport: transport}}
}
