package postgres

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/certtest"
)

// cluster is one shard of three members: real Patroni and PostgreSQL, whose state is in a real API server. The test stands
// in for the kubelet and for the controller that makes pods anew.
type cluster struct {
	t       *testing.T
	api     *apiServer
	store   *store
	members []*member
	// authority signs the servers' certificates, if they speak TLS.
	authority *certtest.Authority
	// restInClear is Patroni as it was before its REST API had TLS.
	restInClear bool
	// oneRole is for members of before they had a role of their own.
	oneRole bool
	// memberCertificates are wanted for changes of Patroni.
	memberCertificates bool
	// connections that each server takes, if not the default.
	connections int
	// backOff starts containers that end again within minutes later each time, as the kubelet does.
	backOff bool
	// rotation of the passwords, and the superuser's if it is not the first.
	rotation int
	password string
}

// member is a volume and the pod that runs on it.
type member struct {
	*shard
	cluster *cluster
	index   int
	rest    string
	// shown is the certificate that give gave last.
	shown certtest.Pair
	// host is the API server that prepare.py is told: a test may stand between.
	host string

	mu      sync.Mutex
	uid     string
	made    int
	output  *os.File
	stopped chan struct{}
	done    sync.WaitGroup
}

// issue makes a certificate for a member.
func (m *member) issue(by *certtest.Authority) certtest.Pair {
	if m.cluster.memberCertificates {
		return by.IssueForBoth(time.Hour, "localhost", "127.0.0.1")
	}
	return by.Issue(time.Hour, "localhost", "127.0.0.1")
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return newClusterOf(t, nil)
}

// newClusterOf makes one with certificates of an authority, if any.
func newClusterOf(t *testing.T, authority *certtest.Authority, changes ...func(*cluster)) *cluster {
	t.Helper()
	c := &cluster{t: t, store: newStore(t), api: newAPIServer(t), authority: authority}
	for _, change := range changes {
		change(c)
	}
	c.api.require("POST", "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"name": "scalestack"}})
	for i := range 3 {
		m := &member{shard: newShard(t), cluster: c, index: i, rest: freeAddress(t), host: c.api.address}
		for name, text := range map[string]string{
			"account/token": "member\n", "credentials/admin/password": "admin-1", "credentials/admin/owner-password": "owner-of-admin-1", "credentials/admin/mover-password": "mover-of-admin-1", "credentials/app/password": appPassword, "account/ca.crt": string(c.api.authority.Certificate), "backup-credentials/AWS_ACCESS_KEY_ID": "key\n",
			"backup-credentials/AWS_SECRET_ACCESS_KEY": "secret\n", "kubeconfig": strings.ReplaceAll(c.api.kubeconfig(), "CONFIG", m.folder),
			"patroni.py": c.patroniProgram(),
		} {
			m.write(name, text)
		}
		var err error
		if authority != nil {
			m.secret(m.issue(authority), authority.Certificate)
			m.trust(authority)
		}
		m.output, err = os.OpenFile(m.at("pod.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		require.NoError(t, err)
		t.Cleanup(func() { _ = m.output.Close() })
		c.members = append(c.members, m)
	}
	c.configure(nil)
	t.Cleanup(func() {
		for _, m := range c.members {
			m.stop()
		}
		if t.Failed() {
			for _, m := range c.members {
				t.Logf("%s:\n%s", m.pod(), m.log())
			}
		}
	})
	return c
}

func (c *cluster) patroniProgram() string {
	text, err := os.ReadFile("../../images/postgres/patroni")
	require.NoError(c.t, err)
	return strings.ReplaceAll(string(text), `sys.path.append("/opt/patroni/lib")`, fmt.Sprintf("sys.path.insert(0, %q)", os.Getenv(libraryVariable)))
}

// args are the shard's, with a restore or without one.
func (c *cluster) args(restore *Restore) *Args {
	args := c.store.args(restore)
	if restore != nil {
		restore.Shards = []int{0}
	}
	args.Resources = k8s.Resources{Memory: "512Mi"}
	args.PasswordRotation = c.rotation
	if c.connections > 0 {
		args.MaxConnections = c.connections
	}
	if c.authority != nil {
		args.TLS = &TLS{TLS: k8s.TLS{Secret: "shards-tls"}, MemberCertificates: c.memberCertificates}
	}
	threeMembers(args)
	return args
}

// configure deploys the shared ConfigMap and the Role. It restarts nobody.
func (c *cluster) configure(restore *Restore) {
	c.t.Helper()
	c.api.allow(c.args(restore))
	for _, m := range c.members {
		local := strings.NewReplacer("'5432'", fmt.Sprintf("'%d'", m.port), `"*:5432"`, fmt.Sprintf(`"127.0.0.1:%d"`, m.port),
			`"*:8008"`, fmt.Sprintf("%q", m.rest), configPath, m.folder, socketPath, m.folder, bucketCredentialsPath, m.at("backup-credentials"),
			volumePath, m.at("volume"), "'*'", "'127.0.0.1'", " peer\n", " trust\n", "/tmp/pgpass", m.at("volume/pgpass"))
		_ = os.Remove(m.at("restore.json"))
		p := plan{Args: c.args(restore).withDefaults(), component: "postgres"}
		for name, text := range mountedFiles(p) {
			m.write(name, local.Replace(c.ofBefore(text)))
		}
		m.write("rollout", "first")
		settings := patroniConfig(p)
		if c.restInClear {
			delete(settings, "ctl")
			settings["restapi"] = object{"listen": settings["restapi"].(object)["listen"]}
		}
		m.write("patroni/10-patroni.yml", local.Replace(document(settings)))
		m.write("patroni/20-passwords.yml", local.Replace(c.secrets("admin-1")))
	}
}

// secrets are those of the superuser's password, and another one for the members' role.
func (c *cluster) secrets(admin string, rest ...string) string {
	own := login{AdminRole, admin}
	others := login{replicatorRole, "of-" + admin}
	if c.oneRole {
		others = own
	}
	if len(rest) == 0 {
		rest = []string{"rest"}
	}
	return patroniSecrets(c.args(nil), own, others, rest...)
}

var (
	callsReplicator = regexp.MustCompile(`(?m)^replicator\(\) .*$`)
	givesDatabase   = regexp.MustCompile(`(?m)^\t(owner_sql \| single|own$|(owner|mover)_password=).*\n`)
)

// ofBefore takes the members' role out of a file, and those of migrations and moves, if they have none.
func (c *cluster) ofBefore(text string) string {
	if !c.oneRole {
		return text
	}
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.Contains(line, replicatorRole) })
	return givesDatabase.ReplaceAllString(callsReplicator.ReplaceAllString(strings.Join(lines, "\n"), "replicator() { :; }"), "")
}

// deploy is configure and a new template: the members are replaced one after the other, each waiting for the one before.
func (c *cluster) deploy(restore *Restore) {
	c.t.Helper()
	c.configure(restore)
	c.members[0].replace()
}

func (m *member) pod() string {
	return plan{Args: &Args{}, component: "postgres", member: m.index}.pod()
}

func (m *member) environment() []string {
	host, port, _ := strings.Cut(m.host, ":")
	name := "127.0.0.1"
	if m.cluster.authority != nil {
		// As in a cluster, by name.
		name = "localhost"
	}
	all := []string{
		"LIBRARY=" + os.Getenv(libraryVariable), "KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port,
		"ACCOUNT=" + m.at("account") + "/", "PAUSE=0.2", "SCOPE=postgres-shard-0", "NAMESPACE=scalestack", "MEMBER=" + strconv.Itoa(m.index),
		"SOCKET=" + m.folder, "ALIVE=" + m.at("volume/alive"), "KUBECONFIG=" + m.at("kubeconfig"), "PGPORT=" + strconv.Itoa(m.port),
		"PATRONI_NAME=" + m.pod(), "PATRONI_KUBERNETES_NAMESPACE=scalestack", fmt.Sprintf("PATRONI_KUBERNETES_POD_IP=10.0.0.%d", m.index+1),
		fmt.Sprintf("PATRONI_POSTGRESQL_CONNECT_ADDRESS=%s:%d", name, m.port), "PATRONI_RESTAPI_CONNECT_ADDRESS=" + strings.Replace(m.rest, "127.0.0.1", name, 1),
		"TLS_SOURCE=" + m.at("secret"), "TLS_FOLDER=" + m.at("volume/tls"), "TLS_CONFIG=" + m.folder, "TLS_NAMES=localhost", "TLS_PATIENCE=0",
		"PATRONI=" + m.at("patroni"), "REST=" + m.rest,
		"HOME=" + m.at("volume"), "AGAIN=1", "OWN=1", "POD=" + m.pod(), "MEMBERS=3", "EXCESS=" + excess(m.cluster.args(nil)), "CREDENTIALS=" + m.at("credentials"),
	}
	if m.cluster.memberCertificates {
		all = append(all, "TRUST="+m.trustFolder())
	}
	return all
}

// trustFolder is where the pod's Patroni reads its settings if it wants certificates.
func (m *member) trustFolder() string { return m.at("volume/patroni") }

// log is what the pod's programs have said.
func (m *member) log() string {
	text, _ := os.ReadFile(m.at("pod.log"))
	return string(text)
}

// start makes the pod, and another one whenever it was deleted.
func (m *member) start() {
	m.stopped = make(chan struct{})
	m.done.Go(func() {
		for !m.over() {
			m.create()
			m.live()
			m.remove()
		}
	})
}

// stop takes the pod away and makes no other one.
func (m *member) stop() {
	if m.stopped == nil {
		return
	}
	close(m.stopped)
	m.done.Wait()
	m.stopped = nil
}

func (m *member) over() bool {
	select {
	case <-m.stopped:
		return true
	default:
		return false
	}
}

func (m *member) resource() string { return namespacePath + "/pods/" + m.pod() }

func (m *member) create() {
	m.env = m.environment()
	labels := map[string]any{"app.kubernetes.io/name": "postgres", "app.kubernetes.io/instance": "postgres-shard-0"}
	_, read := m.cluster.api.try("POST", namespacePath+"/pods", map[string]any{
		"metadata": map[string]any{"name": m.pod(), "labels": labels},
		"spec": map[string]any{"nodeName": "node-" + strconv.Itoa(m.index), "automountServiceAccountToken": false,
			"containers": []any{map[string]any{"name": "postgres", "image": "none"}}},
	})
	metadata, _ := read["metadata"].(map[string]any)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uid, _ = metadata["uid"].(string)
	m.made++
}

// live runs the pod until it is deleted: prepare until it succeeds, and then Patroni, which is begun again when it ends.
func (m *member) live() {
	folder := m.at("patroni")
	if m.cluster.memberCertificates {
		folder = m.trustFolder()
	}
	for !m.untilDeleted(m.process("sh", m.at("prepare.sh"))) {
		if m.deleted() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	for restarts := 0; !m.deleted(); restarts++ {
		began := time.Now()
		m.report(restarts, map[string]any{"running": map[string]any{"startedAt": began.UTC().Format(time.RFC3339)}})
		beside := []*exec.Cmd{m.process("sh", m.at("roles.sh"))}
		if m.cluster.authority != nil {
			beside = append(beside, m.process("sh", m.at("tls.sh"), "follow"))
		}
		for _, one := range beside {
			_ = one.Start()
		}
		m.untilDeleted(m.process("python3", "-I", m.at("patroni.py"), folder))
		m.killAll()
		for _, one := range beside {
			_ = one.Wait()
		}
		if m.cluster.backOff {
			m.waitToStart(restarts, began)
		}
	}
}

// report tells the API server of the pod's container, as the kubelet does.
func (m *member) report(restarts int, state map[string]any) {
	m.cluster.api.try("PATCH", m.resource()+"/status", map[string]any{"status": map[string]any{"containerStatuses": []any{map[string]any{
		"name": "postgres", "image": "none", "imageID": "", "ready": state["running"] != nil, "restartCount": restarts, "state": state}}}})
}

// waitToStart is the kubelet's back-off: none the first time, then 10 s, and twice as long each time.
func (m *member) waitToStart(restarts int, began time.Time) {
	ended := time.Now()
	// It looks at its containers once a second.
	time.Sleep(time.Second)
	m.report(restarts, m.terminated(began, ended))
	if restarts == 0 {
		return
	}
	for until := ended.Add(10 * time.Second << (restarts - 1)); time.Now().Before(until) && !m.over(); {
		time.Sleep(100 * time.Millisecond)
	}
}

func (m *member) process(name string, args ...string) *exec.Cmd {
	cmd := m.command("sh", append([]string{"-c", `exec "$0" "$@"`, name}, args...)...)
	cmd.Stdout, cmd.Stderr = m.output, m.output
	return cmd
}

// untilDeleted runs a program and tells whether it ended well. A deleted pod's is asked to end.
func (m *member) untilDeleted(cmd *exec.Cmd) bool {
	if err := cmd.Start(); err != nil {
		return false
	}
	ends := make(chan error, 1)
	go func() { ends <- cmd.Wait() }()
	for {
		select {
		case err := <-ends:
			return err == nil
		case <-time.After(200 * time.Millisecond):
		}
		if m.deleted() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-ends:
			case <-time.After(30 * time.Second):
			}
			m.killAll()
			return false
		}
	}
}

// deleted reports whether somebody has asked for the pod's end.
func (m *member) deleted() bool {
	if m.over() {
		return true
	}
	_, read := m.cluster.api.try("GET", m.resource(), nil)
	metadata, _ := read["metadata"].(map[string]any)
	m.mu.Lock()
	defer m.mu.Unlock()
	return metadata != nil && (metadata["deletionTimestamp"] != nil || metadata["uid"] != m.uid) || ended(read)
}

// remove tells the API server that nothing of the pod runs any more.
func (m *member) remove() {
	m.killAll()
	m.cluster.api.try("DELETE", m.resource()+"?gracePeriodSeconds=0", nil)
}

// replace deletes the pod, as a new template does, and waits for the next one.
func (m *member) replace() {
	m.cluster.t.Helper()
	before := m.pods()
	m.cluster.api.require("DELETE", m.resource(), nil)
	require.Eventually(m.cluster.t, func() bool { return m.pods() > before }, time.Minute, 100*time.Millisecond, "%s does not end", m.pod())
}

// pods counts those that were made.
func (m *member) pods() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.made
}

// killAll ends every process of the pod, PostgreSQL's also where Patroni has died. One that was just forked is found by
// the next look.
func (m *member) killAll() {
	killed := map[int]bool{}
	for m.killFound(killed) || m.killFound(killed) {
	}
}

// killFound reports whether it has found any that is not killed yet.
func (m *member) killFound(killed map[int]bool) (more bool) {
	for _, id := range m.processes() {
		if !killed[id] {
			_ = syscall.Kill(id, syscall.SIGKILL)
			killed[id], more = true, true
		}
	}
	return more
}

// signal reaches every process of the pod, and those that the server has started, which have written their titles over
// their environment.
func (m *member) signal(signal syscall.Signal) {
	for _, id := range m.processes() {
		for _, child := range children(id) {
			_ = syscall.Kill(child, signal)
		}
		_ = syscall.Kill(id, signal)
	}
}

func children(id int) (all []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", id))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

func (m *member) processes() (all []int) {
	found, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(text, []byte("PGDATA="+m.at("volume/pgdata"))) {
			continue
		}
		if id, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			all = append(all, id)
		}
	}
	return all
}

// start lets the members start, in any order.
func (c *cluster) start() {
	c.t.Helper()
	for _, m := range c.members {
		m.env = m.environment()
		m.start()
	}
}

func (c *cluster) admin() string { return cmp.Or(c.password, "admin-1") }

// leader is who holds the lock and takes writes.
func (c *cluster) leader() *member {
	name := c.api.annotation("postgres-shard-0", "leader")
	for _, m := range c.members {
		if m.pod() == name {
			if conn, err := m.connect("postgres", c.admin()); err == nil {
				defer conn.Close(c.t.Context())
				var standby bool
				if conn.QueryRow(c.t.Context(), "SELECT pg_is_in_recovery()").Scan(&standby) == nil && !standby {
					return m
				}
			}
		}
	}
	return nil
}

// standbys are the members but one.
func (c *cluster) standbys(leader *member) []*member {
	return slices.DeleteFunc(slices.Clone(c.members), func(m *member) bool { return m == leader })
}

// settled waits until there is a primary that two standbys follow, each of which may take over. pg_basebackup streams, too.
func (c *cluster) settled() (leader *member) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		leader = c.leader()
		return leader != nil && len(strings.Split(c.api.annotation("postgres-shard-0-sync", "sync_standby"), ",")) == 2 &&
			leader.query("postgres", c.admin(), "SELECT count(*)::text FROM pg_stat_replication WHERE state = 'streaming' AND application_name <> 'pg_basebackup'") == "2"
	}, 90*time.Second, 300*time.Millisecond, "no primary with two standbys")
	return leader
}
