package postgres

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

// pause is patronictl pause.
func (c *cluster) pause() {
	c.t.Helper()
	var config map[string]any
	require.NoError(c.t, json.Unmarshal([]byte(c.api.annotation("postgres-shard-0-config", "config")), &config))
	config["pause"] = true
	text, err := json.Marshal(config)
	require.NoError(c.t, err)
	c.api.require("PATCH", namespacePath+"/endpoints/postgres-shard-0-config", map[string]any{"metadata": map[string]any{"annotations": map[string]any{"config": string(text)}}})
}

// gate is what stands before a member's new template.
func (s *shard) gate(members ...string) (output string, err error) {
	s.write("paused.py", pausedProgram)
	s.write("rest.py", restProgram)
	args := &Args{}
	threeMembers(args)
	return s.judge("gate.sh", rolloutProgram(args), "PROGRAMS="+s.folder, "ADDRESSES="+strings.Join(members, " "), "WAIT=1")
}

// Patroni that is paused does not start a server again: a pod that the deployment ends would be the shard's end until
// somebody resumes.
func TestAPausedShardIsNotRolledOut(t *testing.T) {
	c := newCluster(t)
	c.start()
	leader := c.settled()
	var addresses []string
	for _, m := range c.members {
		addresses = append(addresses, m.rest)
	}
	output, err := leader.gate(addresses...)
	require.NoError(t, err, output)

	c.pause()
	require.Eventually(t, func() bool {
		output, err = leader.gate(addresses...)
		return err != nil
	}, 20*time.Second, time.Second, "the gate is open: %s", output)
	require.Contains(t, output, "rollout: Patroni is paused, and would not start a server again")

	// Somebody has to say so to the deployment that finds the shard down, too.
	leader.replace()
	require.Eventually(t, func() bool { return c.leader() == nil }, time.Minute, time.Second)
	output, err = leader.gate(addresses...)
	require.Error(t, err)
	require.Contains(t, output, "Patroni is paused")
}

func TestWhoeverDoesNotSayWhetherPatroniIsPaused(t *testing.T) {
	s := newShard(t)
	away, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, away.Close())
	output, err := s.gate(away.Addr().String(), "nowhere.invalid:8008")
	require.NoError(t, err, "a shard that is not there has nothing to lose: %s", output)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	output, err = s.gate(away.Addr().String(), listener.Addr().String())
	require.Error(t, err, "what cannot be found out is a reason to refuse: %s", output)
	require.Contains(t, output, "rollout: no member says whether Patroni is paused: "+listener.Addr().String()+": ")
}

func TestGatesMayAskPatroni(t *testing.T) {
	args := &Args{Shards: []int{0}}
	threeMembers(args)
	record := run(t, args)
	for _, gate := range []string{"postgres-shard-0-gate", "postgres-shard-0-m2-gate"} {
		require.Equal(t, []string{
			"postgres-shard-0-0.postgres-shard-0-headless.scalestack.svc.cluster.local.:8008",
			"postgres-shard-0-m1-0.postgres-shard-0-headless.scalestack.svc.cluster.local.:8008",
			"postgres-shard-0-m2-0.postgres-shard-0-headless.scalestack.svc.cluster.local.:8008",
		}, strings.Fields(jobEnv(named(t, record, gate), "ADDRESSES")))
	}
	require.Empty(t, jobEnv(named(t, record, "postgres-rollout"), "ADDRESSES"), "who only waits ends no pod")
	files, _ := kubetest.Value(named(t, record, "postgres-rollout-files"), "data")
	require.Equal(t, pausedProgram, files.ObjectValue()["paused.py"].StringValue())
	require.Equal(t, restProgram, files.ObjectValue()["rest.py"].StringValue())

	// The Jobs' way out, and the shards' way in.
	out, _ := kubetest.Value(named(t, record, "postgres-rollout-policy"), "spec.egress")
	require.Contains(t, out.String(), "8008")
	in, _ := kubetest.Value(named(t, record, "postgres-policy"), "spec.ingress[1]")
	require.Contains(t, in.String(), "8008")
	require.Contains(t, in.String(), "postgres-rollout")
}
