package host

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// policyNetwork is a machine's network with a bridge and two pods on it; it exists in a
// namespace of its own, in which this test runs once more.
const policyNetwork = `set -e
ip link set lo up
ip link add pods type bridge; ip address add 203.0.113.1/24 dev pods; ip link set pods up
for pod in 2 3; do
  unshare --net -- sleep 60 & child=$!
  until [ "$(readlink /proc/$child/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
  ip link add pod$pod type veth peer name eth0 netns $child
  ip link set pod$pod master pods up
  nsenter --target $child --net -- sh -c "ip link set lo up; ip address add 203.0.113.$pod/24 dev eth0; ip link set eth0 up"
  echo $child >"$1/pod$pod"
done
shift
exec "$@"`

// With nobody to decide, no connection of a pod passes, from pod to pod or to the machine;
// the machine's own do. Then all do.
func TestPoliciesHoldWithNobodyToDecide(t *testing.T) {
	asRoot(t)
	dir := os.Getenv("POLICY_NETWORK")
	if dir == "" {
		dir = t.TempDir()
		cmd := exec.Command("unshare", "--net", "--kill-child", "--fork", "--pid", "--mount-proc", "--", "sh", "-c", policyNetwork, "sh", dir,
			os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), "POLICY_NETWORK="+dir)
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return
	}
	p := Policies{Bridge: "pods", PodCIDR: "203.0.113.0/24", Queue: 471, Run: dir}
	answers := func(from, ip string) bool {
		args := []string{"timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/" + ip + "/1"}
		if from != "machine" {
			pid, err := os.ReadFile(dir + "/" + from)
			require.NoError(t, err)
			args = append([]string{"nsenter", "--target", strings.TrimSpace(string(pid)), "--net", "--"}, args...)
		}
		text, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		require.Error(t, err, "nobody listens")
		return strings.Contains(string(text), "refused")
	}
	all := []string{"pod2 203.0.113.3", "pod3 203.0.113.1", "machine 203.0.113.2"}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, pair := range all {
			from, to, _ := strings.Cut(pair, " ")
			require.True(c, answers(from, to), pair)
		}
	}, 20*time.Second, time.Millisecond)

	require.Error(t, p.Heard())
	for range 2 {
		require.NoError(t, p.Ensure(t.Context()), "twice is as good as once")
	}
	require.False(t, answers("pod2", "203.0.113.3"))
	require.False(t, answers("pod3", "203.0.113.1"))
	require.True(t, answers("machine", "203.0.113.2"))

	for range 2 {
		require.NoError(t, removePolicies(t.Context()))
	}
	for _, pair := range all {
		from, to, _ := strings.Cut(pair, " ")
		require.True(t, answers(from, to), pair)
	}
	left, err := exec.Command("iptables", "--table", "mangle", "--list-rules").Output()
	require.NoError(t, err)
	require.NotContains(t, string(left), policyChain, fmt.Sprint(p.rules()))
}

// A module is loaded once, unloaded at the end, and one that the kernel lacks is named.
func TestModulesAreLoadedAndUnloaded(t *testing.T) {
	dir := t.TempDir()
	shows := dir + "/shows"
	script := "#!/bin/sh\necho \"$*\" >>" + dir + "/calls\ncase $1 in br_netfilter) touch " + shows + " ;; esac\n"
	require.NoError(t, os.WriteFile(dir+"/modprobe", []byte(script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	p := Policies{Run: dir}
	for range 2 {
		require.NoError(t, p.load(t.Context(), shows, "br_netfilter"))
	}
	require.EqualError(t, p.load(t.Context(), dir+"/never", "nfnetlink_queue"), "the kernel has no nfnetlink_queue")
	unloadModules(t.Context(), dir)
	calls, err := os.ReadFile(dir + "/calls")
	require.NoError(t, err)
	require.Equal(t, "br_netfilter\nnfnetlink_queue\n--remove br_netfilter\n", string(calls))
}
