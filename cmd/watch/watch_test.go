package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)

// see decodes pods and warnings as kubectl prints them.
func see(t *testing.T, pods, events string) snapshot {
	t.Helper()
	var s snapshot
	require.NoError(t, json.Unmarshal([]byte(`{"items":[`+pods+`]}`), &s.Pods))
	require.NoError(t, json.Unmarshal([]byte(`{"items":[`+events+`]}`), &s.Events))
	return s
}

func podWith(name, created, owner, status string) string {
	return labelled(name, created, owner, name+"-5f", `{"app.kubernetes.io/managed-by":"pulumi"}`, status)
}

func labelled(name, created, kind, owner, labels, status string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"uid":%q,"creationTimestamp":%q,"ownerReferences":[{"kind":%q,"name":%q}],"labels":%s},"status":%s}`,
		name, name, created, kind, owner, labels, status)
}

const (
	during = "2026-01-02T03:04:05Z"
	before = "2026-01-02T03:04:04Z"

	pulling  = `{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"True"},{"type":"Ready","status":"False"}],"containerStatuses":[{"name":"app","state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image \"shop:9\""}}}]}`
	crashing = `{"phase":"Running","containerStatuses":[{"name":"app","restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 1m20s"}},"lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]}`
	homeless = `{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes are available: 3 Insufficient memory."}]}`
	starting = `{"phase":"Pending","initContainerStatuses":[{"name":"bootstrap","state":{"running":{}}}],"containerStatuses":[{"name":"postgres","state":{"waiting":{"reason":"PodInitializing"}}}],"conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady"}]}`
	probing  = `{"phase":"Running","containerStatuses":[{"name":"app","state":{"running":{}}}],"conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"containers with unready status: [app]"}]}`
	invalid  = `{"phase":"Pending","containerStatuses":[{"name":"app","state":{"waiting":{"reason":"InvalidImageName"}}}]}`
	fine     = `{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}`
	done     = `{"phase":"Succeeded"}`
)

func TestWhyAPodIsNotReady(t *testing.T) {
	for status, want := range map[string]string{
		pulling:  `p is not ready: ImagePullBackOff: app Back-off pulling image "shop:9"`,
		crashing: "p is not ready: CrashLoopBackOff: app back-off 1m20s, last exit 1 (Error), 4 restarts",
		homeless: "p is not ready: Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
		starting: "p is not ready: Initializing: bootstrap still runs",
		probing:  "p is not ready: ContainersNotReady: containers with unready status: [app]",
		`{}`:     "p is not ready: Pending",
		fine:     "", done: "",
	} {
		w := &watch{began: began, now: func() time.Time { return began }}
		lines, hopeless := w.judge(see(t, podWith("p", during, "ReplicaSet", status), ""))
		require.False(t, hopeless, "at first sight")
		require.Equal(t, want, strings.Join(lines, "\n"))
	}
}

func TestWarningsAreTold(t *testing.T) {
	w := &watch{began: began, now: func() time.Time { return began }}
	lines, _ := w.judge(see(t, podWith("p", during, "ReplicaSet", starting), `
		{"reason":"FailedMount","message":"old","involvedObject":{"name":"p"},"lastTimestamp":"2026-01-02T03:04:01Z"},
		{"reason":"FailedMount","message":"secret \"mail-login\" not found","involvedObject":{"name":"p"},"lastTimestamp":"2026-01-02T03:04:09Z"},
		{"reason":"FailedCreate","message":"exceeded quota","involvedObject":{"kind":"StatefulSet","name":"shard"},"eventTime":"2026-01-02T03:04:09Z","lastTimestamp":null},
		{"reason":"FailedCreate","message":"long ago","involvedObject":{"kind":"StatefulSet","name":"shard"},"lastTimestamp":"2026-01-01T00:00:00Z"}`))
	require.Equal(t, []string{`p is not ready: Initializing: bootstrap still runs; FailedMount: secret "mail-login" not found`,
		"StatefulSet shard makes no pod: exceeded quota"}, lines)
}

// A registry's answer stands at the end of a long message.
func TestALongMessageKeepsItsCause(t *testing.T) {
	message := "Failed to pull image \"registry.example.com/shop/users@sha256:" + strings.Repeat("0", 64) + "\": failed to resolve reference " +
		"\"registry.example.com/shop/users@sha256:" + strings.Repeat("0", 64) + "\": failed to authorize: 401 Unauthorized"
	told := short(message)
	require.True(t, strings.HasPrefix(told, "Failed to pull image \"registry.example.com/shop/users@"), told)
	require.True(t, strings.HasSuffix(told, "failed to authorize: 401 Unauthorized"), told)
	require.Less(t, len([]rune(told)), 270)
}

func TestOnlyWhatCannotHealIsGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		created, owner, status string
		after                  time.Duration
		hopeless               bool
	}{
		"image, early":                {during, "ReplicaSet", pulling, 2*time.Minute - 1, false},
		"image":                       {during, "ReplicaSet", pulling, 2 * time.Minute, true},
		"image of an older pod":       {before, "ReplicaSet", pulling, time.Hour, false},
		"crash, early":                {during, "ReplicaSet", crashing, 4 * time.Minute, false},
		"crash":                       {during, "StatefulSet", crashing, 5 * time.Minute, true},
		"no node, server":             {during, "StatefulSet", homeless, 8 * time.Minute, true},
		"no node, Job":                {during, "Job", homeless, 8 * time.Minute, true},
		"no node, autoscaled service": {during, "ReplicaSet", homeless, time.Hour, false},
		"slow start":                  {during, "StatefulSet", starting, time.Hour, false},
		"probe":                       {during, "ReplicaSet", probing, time.Hour, false},
		"name of an image":            {during, "ReplicaSet", invalid, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			now := began
			w := &watch{began: began, now: func() time.Time { return now }}
			seen := see(t, podWith("p", test.created, test.owner, test.status), "")
			_, hopeless := w.judge(seen)
			if test.after > 0 {
				require.False(t, hopeless)
			}
			now = now.Add(test.after)
			_, hopeless = w.judge(seen)
			require.Equal(t, test.hopeless, hopeless)
			_, hopeless = w.judge(see(t, podWith("p", test.created, test.owner, fine), ""))
			require.False(t, hopeless)
			_, hopeless = w.judge(seen)
			require.Equal(t, test.hopeless && test.after == 0, hopeless, "what healed meanwhile begins anew")
		})
	}
}

// attend runs a command under a watch whose cluster shows pods.
func attend(t *testing.T, look func(context.Context) (snapshot, error), command ...string) (status int, told string) {
	t.Helper()
	var out strings.Builder
	w := &watch{look: look, out: &out, every: 20 * time.Millisecond, began: began, now: time.Now}
	return w.run(command), out.String()
}

func TestAHopelessDeploymentIsInterrupted(t *testing.T) {
	seen := see(t, podWith("p", during, "ReplicaSet", invalid), "")
	look := func(context.Context) (snapshot, error) { return seen, nil }
	began := time.Now()
	status, told := attend(t, look, "sh", "-c", "trap 'exit 0' INT; while :; do sleep 0.05; done")
	require.Less(t, time.Since(began), 20*time.Second)
	require.Equal(t, 1, status, "an interrupted deployment has failed whatever it says")
	require.Contains(t, told, "watch: p is not ready: InvalidImageName: app. FAILED: InvalidImageName for 0s")
	require.Equal(t, 1, strings.Count(told, "interrupting the deployment"))
}

func TestSignalsReachTheDeploymentOnce(t *testing.T) {
	idle := func(context.Context) (snapshot, error) { return snapshot{}, nil }
	time.AfterFunc(500*time.Millisecond, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) })
	status, _ := attend(t, idle, "sh", "-c", `n=0; trap 'n=$((n+1))' INT; i=0; while [ $i -lt 30 ]; do sleep 0.05; i=$((i+1)); done; exit $((40+n))`)
	require.Equal(t, 41, status)
}

func TestTheStatusIsTheDeployments(t *testing.T) {
	blind := func(context.Context) (snapshot, error) { return snapshot{}, errors.New("connection refused") }
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "sleep 0.2; exit 0": 0} {
		status, told := attend(t, blind, "sh", "-c", script)
		require.Equal(t, want, status, told)
	}
	status, told := attend(t, blind, "/no/such/program")
	require.Equal(t, 1, status)
	require.Contains(t, told, "no such file")
}

// What Strimzi refuses has no pod that could tell.
func TestWhatStrimziSaysIsTold(t *testing.T) {
	resource := func(kind, status string) string {
		return fmt.Sprintf(`{"kind":%q,"metadata":{"name":"r","generation":2},"status":%s}`, kind, status)
	}
	for want, one := range map[string]string{
		"Kafka r: InvalidResourceException: cruiseControl needs two brokers": resource("Kafka", `{"observedGeneration":2,"conditions":[{"type":"NotReady","status":"True","reason":"InvalidResourceException","message":"cruiseControl needs two brokers"}]}`),
		"KafkaTopic r: Ready: being deleted":                                 resource("KafkaTopic", `{"observedGeneration":2,"conditions":[{"type":"Ready","status":"False","message":"being deleted"}]}`),
		"Kafka r: KafkaStorage: cannot shrink":                               resource("Kafka", `{"observedGeneration":2,"conditions":[{"type":"Ready","status":"True"},{"type":"Warning","status":"True","reason":"KafkaStorage","message":"cannot shrink"}]}`),
		"KafkaNodePool r: its operator has not acted on the last change":     resource("KafkaNodePool", `{"observedGeneration":1}`),
		"": resource("Kafka", `{"observedGeneration":2,"conditions":[{"type":"Ready","status":"True"}]}`) + "," + resource("StrimziPodSet", `{}`),
	} {
		s := see(t, podWith("p", during, "StrimziPodSet", fine), "")
		require.NoError(t, json.Unmarshal([]byte(`{"items":[`+one+`]}`), &s.Kafka))
		lines, hopeless := (&watch{began: began, now: func() time.Time { return began }}).judge(s)
		require.False(t, hopeless)
		require.Equal(t, want, strings.Join(lines, "\n"))
	}
}

// A pod that no stack has made, or that a CronJob has started meanwhile, is no reason to cut a deployment off.
func TestPodsOfOthersCutNoDeploymentOff(t *testing.T) {
	const ours = `{"app.kubernetes.io/managed-by":"pulumi"}`
	for name, test := range map[string]struct {
		owner, labels string
		hopeless      bool
	}{
		"a stack's Job":      {"shards-migrate-ac1d7518", ours, true},
		"a Job of Strimzi's": {"kafka", `{"strimzi.io/cluster":"kafka"}`, true},
		"another program's":  {"report", `{"app":"report"}`, false},
		"a CronJob's":        {"postgres-verify-29431137", ours, false},
	} {
		now := began
		w := &watch{began: began, now: func() time.Time { return now }}
		seen := see(t, labelled("p", during, "Job", test.owner, test.labels, pulling), "")
		w.judge(seen)
		now = began.Add(time.Hour)
		lines, hopeless := w.judge(seen)
		require.Len(t, lines, 1)
		require.Equal(t, test.hopeless, hopeless, name)
	}
}
