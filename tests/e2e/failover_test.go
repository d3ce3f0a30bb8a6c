//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/load"
)

// members is how many servers the drill's shard gets, by MEMBERS.
var members = 3

// primaryFault takes a shard's primary away. The limit is the longest time without an acknowledged write that the drill
// accepts; the lab's machine is slow, so it is above the goals that docs/high-availability.md names.
type primaryFault struct {
	name  string
	limit time.Duration
	do    func(f *failover, primary string)
}

var primaryFaults = []primaryFault{
	{"switchover", 15 * time.Second, (*failover).switchover},
	{"kill -9", 25 * time.Second, (*failover).kill},
	{"forced delete", 25 * time.Second, (*failover).remove},
	{"freeze", 45 * time.Second, (*failover).freeze},
}

// failover is a shard with several members under load.
type failover struct {
	*proof
	stack failoverStack
	pulse *pulse
}

// newFailover seeds so many users into a stack that is deployed.
func newFailover(t *testing.T, s failoverStack, users int64) *failover {
	t.Helper()
	f := &failover{proof: newProof(t, users), stack: s}
	f.pulse = newPulse(t, f.target().Base)
	t.Cleanup(f.tell)
	return f
}

// tell logs the last words of all members of a drill that has failed, before they go.
func (f *failover) tell() {
	if !f.t.Failed() {
		return
	}
	said, _ := try(f.t, "kubectl", "logs", "-n", f.namespace, "-l", "app.kubernetes.io/name=postgres,scalestack/role", "-c", "postgres", "--prefix", "--tail=60")
	f.t.Log(said)
}

// TestFailover deploys a stack of its own and goes through PARTS:
//
//	join    a single server with rows gets two standbys
//	faults  the primary is taken away in every way while users write, ROUNDS times
//	change  other connections, memory and another image, which each member restarts for, while users write
//	minor   a later minor version and back, while users write; also with MEMBERS=1
//	upgrade the program of commit FROM has deployed the stack, and this one deploys it again, while users write
//	grow    a shard is added, drained and filled again while primaries go away, FAULTS times
//	alerts  a standby goes and another one falls behind, until the alerts on them hold
//	return  the stack is destroyed and comes back over the kept volumes
//	anew    the stack is destroyed, its claims are deleted, and it comes back empty
func TestFailover(t *testing.T) {
	if os.Getenv("DRILL") != "failover" {
		t.Skip("takes minutes: make drill-failover")
	}
	members = int(number(t, "MEMBERS", 3))
	parts := strings.Fields(os.Getenv("PARTS"))
	s := newFailoverStack(t)
	first := members
	if slices.Contains(parts, "join") {
		first = 1
	}
	if slices.Contains(parts, "upgrade") {
		s.upOf(from(t), first)
	} else {
		s.up(first)
	}
	f := newFailover(t, s, 200)
	require.NoError(t, f.pulse.writeOne(), "the first row")
	for _, part := range parts {
		do := map[string]func(){"join": f.join, "faults": f.faults, "alerts": f.alerts, "change": f.change, "minor": f.minor, "upgrade": f.upgrade, "grow": f.grow, "return": f.comeBack, "anew": f.beginAnew}[part]
		require.NotNil(t, do, "PARTS: %s", part)
		do()
	}
}

// join gives the single server standbys, while users write. They wait once, for its restart.
func (f *failover) join() {
	f.underLoad("join", func() {
		began := time.Now()
		f.stack.up(members)
		f.settle()
		f.t.Logf("join: %.1f s without an acknowledged write", f.pulse.pauseAfter(began).Seconds())
	})
}

func (f *failover) faults() {
	f.settle()
	f.underLoad("faults", func() {
		for range number(f.t, "ROUNDS", 1) {
			for _, one := range primaryFaults {
				f.round(one)
			}
		}
	})
}

func (f *failover) comeBack() {
	f.stack.pulumi("destroy", "--yes", "--skip-preview")
	f.refusesFewerMembers()
	f.stack.up(members)
	f.settle()
	f.pulse.base = f.target().Base
	f.requireStored("return")
	require.NoError(f.t, f.pulse.writeOne(), "a row after the return")
}

// beginAnew deletes the claims after a destroy, with which Kubernetes has to remove what Patroni knew of them.
func (f *failover) beginAnew() {
	const ofShards = "app.kubernetes.io/name=postgres"
	f.stack.pulumi("destroy", "--yes", "--skip-preview")
	kubectl(f.t, "delete", "pvc", "-n", f.namespace, "-l", ofShards, "--timeout=2m")
	eventually(f.t, 2*time.Minute, "Patroni's state goes with the claims", func() error {
		if left := kubectl(f.t, "get", "services,endpoints", "-n", f.namespace, "-l", ofShards, "-o", "name"); left != "" {
			return fmt.Errorf("left: %s", left)
		}
		return nil
	})
	f.stack.up(members)
	f.settle()
	f.pulse = newPulse(f.t, f.target().Base)
	require.Zero(f.t, f.users(), "users of before")
	require.NoError(f.t, f.pulse.writeOne(), "the first row")
	f.requireStored("anew")
}

// users are those of all shards.
func (f *failover) users() (count int) {
	f.t.Helper()
	for _, shard := range f.shards.Shards {
		var here int
		require.NoError(f.t, database(f.t, f.namespace, shard.ID).QueryRow(f.t.Context(), "SELECT count(*) FROM users").Scan(&here))
		count += here
	}
	return count
}

// refusesFewerMembers asks for one less than the volumes are of, of which the state knows nothing any more.
func (f *failover) refusesFewerMembers() {
	if members == 1 {
		return
	}
	f.stack.set(map[string]string{"scalestack:postgres.members": fmt.Sprint(members - 1)})
	said, err := try(f.t, "pulumi", "preview", "--stack", f.stack.name, "--non-interactive", "--config-file", f.stack.config)
	require.Error(f.t, err, said)
	require.Contains(f.t, said, fmt.Sprintf("scalestack:postgres.members: Invalid value: %d: must be at least %d", members-1, members))
}

// underLoad lets users write, and then compares all that was acknowledged with what is there.
func (f *failover) underLoad(what string, do func()) {
	f.start(load.Options{Rate: 40, Clients: 6, Writes: 0.8, Patience: patience})
	stop := f.pulse.start()
	defer stop()
	time.Sleep(5 * time.Second)
	do()
	stop()
	report := f.compare()
	assert.Zero(f.t, report.Failed, what)
	f.requireStored(what)
}

// round lets users write before, during and after one fault.
func (f *failover) round(one primaryFault) {
	f.t.Helper()
	primary, began := f.primary(), time.Now()
	one.do(f, primary)
	f.settle()
	time.Sleep(3 * time.Second)
	pause := f.pulse.pauseAfter(began)
	f.t.Logf("%s of %s: %.1f s without an acknowledged write, then %s is the primary", one.name, primary, pause.Seconds(), f.primary())
	assert.LessOrEqual(f.t, pause, one.limit, one.name)
}

// requireStored compares what was acknowledged with what is there, once each.
func (f *failover) requireStored(what string) {
	f.t.Helper()
	found := map[int64]int{}
	for _, shard := range f.shards.Shards {
		rows, err := database(f.t, f.namespace, shard.ID).Query(f.t.Context(), "SELECT user_id FROM users WHERE name = $1", pulseName)
		require.NoError(f.t, err)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		require.NoError(f.t, err)
		for _, id := range ids {
			found[id]++
		}
	}
	acknowledged := f.pulse.acknowledged()
	var lost, doubled []int64
	for _, id := range acknowledged {
		switch found[id] {
		case 0:
			lost = append(lost, id)
		case 1:
		default:
			doubled = append(doubled, id)
		}
	}
	f.t.Logf("%s: %d acknowledged, %d lost, %d doubled", what, len(acknowledged), len(lost), len(doubled))
	require.Empty(f.t, lost, what)
	require.Empty(f.t, doubled, what)
}

// primary is who holds the lock of the first shard.
func (f *failover) primary() string {
	f.t.Helper()
	return f.primaryOf(0)
}

// primaryOf is who holds the lock of a shard.
func (f *failover) primaryOf(shard int) string {
	f.t.Helper()
	return kubectl(f.t, "get", "endpoints", fmt.Sprintf("postgres-shard-%d", shard), "-n", f.namespace, "-o", "jsonpath={.metadata.annotations.leader}")
}

// settle waits until all standbys of each shard follow its primary.
func (f *failover) settle() {
	f.t.Helper()
	if members == 1 {
		return // A deployment ends when a single server runs what was deployed.
	}
	for _, shard := range f.shards.Shards {
		f.settleShard(shard.ID)
	}
}

// settledQuestion counts the standbys that have what the primary wrote a second ago. Its list of them alone has also those
// that vanished, for a while.
const settledQuestion = `printf '%s\n' "SELECT pg_logical_emit_message(false, 'drill', '') AS told \gset" 'SELECT pg_sleep(1) \gset' \
"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND flush_lsn >= :'told' AND NOT pg_is_in_recovery()" |
timeout 30 psql -XAtq -v ON_ERROR_STOP=1 -h /var/run/postgresql -U postgres -d postgres`

// settleShard asks the primary's server. Patroni's list says of members that are away what they last said themselves, and of
// a node that came back within the lock's time that all is well.
func (f *failover) settleShard(shard int) {
	f.t.Helper()
	eventually(f.t, 3*time.Minute, fmt.Sprintf("all standbys of shard %d follow", shard), func() error {
		leader := f.primaryOf(shard)
		exec := func(args ...string) (string, error) {
			return try(f.t, "kubectl", append([]string{"exec", "-n", f.namespace, leader, "-c", "postgres", "--"}, args...)...)
		}
		count, err := exec("sh", "-c", settledQuestion)
		if err != nil || strings.TrimSpace(count) != fmt.Sprint(members-1) {
			list, _ := exec("timeout", "30", "patronictl", "list")
			return fmt.Errorf("primary %q: %s %v\n%s", leader, count, err, list)
		}
		return nil
	})
}

func (f *failover) switchover(primary string) {
	kubectl(f.t, "exec", "-n", f.namespace, primary, "-c", "postgres", "--", "patronictl", "switchover", "--force")
}

// remove returns when the next pod's server may start. Until then the former one answers as if nothing had happened, to
// kubectl exec too, which finds containers by the pod's name.
func (f *failover) remove(primary string) {
	f.t.Helper()
	former := f.podUID(primary)
	f.proof.remove(primary)
	eventually(f.t, time.Minute, "the pod after "+primary, func() error {
		now, err := try(f.t, "kubectl", "get", "pod", primary, "-n", f.namespace, "-o",
			`jsonpath={.metadata.uid} {.status.containerStatuses[?(@.name=="postgres")].state.running.startedAt}`)
		uid, started, _ := strings.Cut(now, " ")
		if err == nil && (uid == former || started == "") {
			err = fmt.Errorf("the pod has not started: %s, formerly %s", now, former)
		}
		return err
	})
}

func (f *failover) podUID(pod string) string {
	f.t.Helper()
	return kubectl(f.t, "get", "pod", pod, "-n", f.namespace, "-o", "jsonpath={.metadata.uid}")
}

func (f *failover) kill(primary string) { f.signal(primary, syscall.SIGKILL) }

// freeze stops the whole primary for longer than its lock lasts and lets it go on. What it then still wants to write must not
// count.
func (f *failover) freeze(primary string) {
	f.signal(primary, syscall.SIGSTOP)
	time.Sleep(40 * time.Second)
	f.signal(primary, syscall.SIGCONT)
}

// signal reaches every process of a pod's container postgres.
func (f *failover) signal(pod string, signal syscall.Signal) {
	f.t.Helper()
	for _, process := range f.processes(pod) {
		_ = syscall.Kill(process, signal)
	}
}

// processes are those of a pod's container postgres.
func (f *failover) processes(pod string) []int {
	f.t.Helper()
	uid := kubectl(f.t, "get", "pod", pod, "-n", f.namespace, "-o", "jsonpath={.metadata.uid}")
	id := kubectl(f.t, "get", "pod", pod, "-n", f.namespace, "-o", `jsonpath={.status.containerStatuses[?(@.name=="postgres")].containerID}`)
	_, id, _ = strings.Cut(id, "://")
	processes := inGroup("/pod" + uid + "/" + id)
	require.NotEmpty(f.t, processes)
	return processes
}
