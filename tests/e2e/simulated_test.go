//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/upbench"
)

// simulatedNodes share the pods. Each has room for all: KWOK gives it a thousand processors.
const simulatedNodes = 8

// simulated is an empty Kubernetes beside the lab, on loopback and in a temporary folder:
// the lab's own etcd, API server, controllers and scheduler, and KWOK, which says of every
// pod at once that it is ready, or of a Job's that it has ended well. Nothing runs there.
type simulated struct {
	*testing.T
	folder, config string
	running        []*exec.Cmd
}

// newSimulated starts one with so many volumes.
func newSimulated(t *testing.T, volumes int) *simulated {
	t.Helper()
	folder := t.TempDir()
	s := &simulated{T: t, folder: folder, config: filepath.Join(folder, "kubeconfig")}
	t.Cleanup(s.stop)
	t.Setenv("KUBECONFIG", s.config)
	t.Setenv("KUBECACHEDIR", filepath.Join(folder, "cache"))
	s.control()
	s.apply(simulatedObjects(volumes))
	kubectl(t, "apply", "--server-side", "-f", s.definitions())
	s.start("kwok", "--kubeconfig="+s.config, "--manage-all-nodes=true", "--node-lease-duration-seconds=40",
		"--cidr=10.64.0.1/10", "--node-ip=10.63.0.1", "--node-port=0", "--server-address=127.0.0.1:"+s.port())
	kubectl(t, "wait", "node", "--all", "--for=condition=Ready", "--timeout=60s")
	return s
}

// control starts what a control plane has, with its defaults where those do not name an
// address or a file.
func (s *simulated) control() {
	s.Helper()
	store, peer, port, token := "http://127.0.0.1:"+s.port(), "http://127.0.0.1:"+s.port(), s.port(), rand.Text()
	key, tokens := filepath.Join(s.folder, "service-account.key"), filepath.Join(s.folder, "tokens")
	s.key(key)
	s.write(tokens, token+",admin,admin,system:masters\n")
	s.write(s.config, fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: scalestack-lab,
clusters: [{name: c, cluster: {server: "https://127.0.0.1:%s", certificate-authority: %s/apiserver.crt}}],
users: [{name: u, user: {token: %s}}], contexts: [{name: scalestack-lab, context: {cluster: c, user: u}}]}`, port, s.folder, token))
	s.start("etcd", "--data-dir="+filepath.Join(s.folder, "etcd"), "--listen-client-urls="+store, "--advertise-client-urls="+store,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer,
		"--unsafe-no-fsync", "--log-level=warn")
	s.start("kube-apiserver", "--etcd-servers="+store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+port,
		"--cert-dir="+s.folder, "--token-auth-file="+tokens, "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-key-file="+key, "--service-account-signing-key-file="+key,
		"--service-account-issuer=https://kubernetes.default.svc")
	eventually(s.T, 2*time.Minute, "the API server", func() error {
		_, err := try(s.T, "kubectl", "get", "--raw", "/readyz")
		return err
	})
	s.start("kube-controller-manager", "--kubeconfig="+s.config, "--bind-address=127.0.0.1", "--secure-port="+s.port(),
		"--leader-elect=false", "--service-account-private-key-file="+key, "--root-ca-file="+filepath.Join(s.folder, "apiserver.crt"))
	s.start("kube-scheduler", "--kubeconfig="+s.config, "--bind-address=127.0.0.1", "--secure-port="+s.port(), "--leader-elect=false")
}

// start runs a program that ends with the test, also where that is killed.
func (s *simulated) start(name string, args ...string) {
	s.Helper()
	log, err := os.Create(filepath.Join(s.folder, name+".log"))
	require.NoError(s, err)
	s.Cleanup(func() { _ = log.Close() })
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	// KWOK would read the caller's configuration.
	cmd.Env = append(os.Environ(), "HOME="+s.folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(s, cmd.Start(), name)
	s.running = append(s.running, cmd)
}

// stop ends all of it. Nobody needs what it holds.
func (s *simulated) stop() {
	for _, cmd := range s.running {
		_ = cmd.Process.Kill()
	}
	for _, cmd := range s.running {
		_ = cmd.Wait()
	}
	s.running = nil
}

// cpu is the processor time of all its programs until now.
func (s *simulated) cpu() (seconds float64) {
	s.Helper()
	for _, cmd := range s.running {
		process, err := procfs.NewProc(cmd.Process.Pid)
		require.NoError(s, err)
		stat, err := process.Stat()
		require.NoError(s, err)
		seconds += stat.CPUTime()
	}
	return seconds
}

// ready waits until every workload of a namespace is, as kubectl shows it.
func (s *simulated) ready(namespace string) {
	s.Helper()
	eventually(s.T, 30*time.Minute, "all is ready", func() error {
		table := kubectl(s.T, "get", "statefulsets,deployments,jobs", "-n", namespace, "--no-headers", "-o", upbench.Columns)
		unready, err := upbench.Unready(table)
		if err == nil && (unready > 0 || table == "") {
			err = fmt.Errorf("%d are not", unready)
		}
		return err
	})
}

func (s *simulated) apply(objects string) {
	s.Helper()
	file := filepath.Join(s.folder, "objects.yaml")
	s.write(file, objects)
	kubectl(s.T, "apply", "--server-side", "-f", file)
}

// definitions are those of Strimzi's resources, which the stack makes. No operator follows.
func (s *simulated) definitions() string {
	s.Helper()
	found, err := filepath.Glob(filepath.Join(repo, ".lab", "crds", "*.yaml"))
	require.NoError(s, err)
	require.Len(s, found, 1)
	file, err := filepath.Abs(found[0])
	require.NoError(s, err)
	return file
}

// simulatedObjects are nodes, volumes that nothing writes to, and their class.
func simulatedObjects(volumes int) string {
	var text strings.Builder
	for i := range simulatedNodes {
		fmt.Fprintf(&text, "---\n{apiVersion: v1, kind: Node, metadata: {name: simulated-%d}}\n", i)
	}
	text.WriteString(`---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: kubernetes.io/no-provisioner, metadata: {name: simulated,
 annotations: {storageclass.kubernetes.io/is-default-class: "true"}}}
`)
	for i := range volumes {
		fmt.Fprintf(&text, `---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: simulated-%d}, spec: {storageClassName: simulated, capacity: {storage: 10Gi},
 accessModes: [ReadWriteOnce], hostPath: {path: /nowhere}}}
`, i)
	}
	return text.String()
}

// port is one that nobody listens on.
func (s *simulated) port() string {
	s.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(s, err)
	return port
}

// key is what service accounts' tokens are signed with.
func (s *simulated) key(file string) {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(s, err)
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(s, err)
	s.write(file, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
}

func (s *simulated) write(file, text string) {
	s.Helper()
	require.NoError(s, os.WriteFile(file, []byte(text), 0o600))
}
