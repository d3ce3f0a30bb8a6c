package postgres

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/certtest"
)

// kubernetesVariable names the folder with etcd and kube-apiserver, which make build compiles.
const kubernetesVariable = "SCALESTACK_TEST_KUBERNETES"

// apiServer is a real API server with an etcd, and nothing else of Kubernetes.
type apiServer struct {
	t         *testing.T
	folder    string
	address   string
	authority *certtest.Authority
	pair      certtest.Pair
	client    *http.Client
	server    *os.Process
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	programs := os.Getenv(kubernetesVariable)
	if programs == "" {
		t.Skipf("needs a real API server: make real-backup sets %s", kubernetesVariable)
	}
	a := &apiServer{t: t, folder: t.TempDir(), address: freeAddress(t), authority: certtest.NewAuthority(t, "cluster")}
	a.pair = a.authority.Issue(time.Hour, "127.0.0.1")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.authority.Certificate)
	a.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 10 * time.Second}
	for name, text := range map[string][]byte{
		"ca.crt": a.authority.Certificate, "tls.crt": a.pair.Certificate, "tls.key": a.pair.Key,
		"tokens": []byte("admin,admin,admin,\"system:masters\"\nmember,system:serviceaccount:scalestack:postgres-shard-0,member\n"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(a.folder, name), text, 0o644))
	}
	store, peer := "http://"+freeAddress(t), "http://"+freeAddress(t)
	a.run(filepath.Join(programs, "etcd"), "--data-dir="+a.folder+"/etcd", "--listen-client-urls="+store, "--advertise-client-urls="+store,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer, "--unsafe-no-fsync", "--log-level=error")
	host, port, _ := net.SplitHostPort(a.address)
	a.server = a.run(filepath.Join(programs, "kube-apiserver"), "--etcd-servers="+store, "--bind-address="+host, "--secure-port="+port,
		"--tls-cert-file="+a.folder+"/tls.crt", "--tls-private-key-file="+a.folder+"/tls.key", "--token-auth-file="+a.folder+"/tokens",
		"--authorization-mode=RBAC", "--service-account-key-file="+a.folder+"/tls.crt", "--service-account-signing-key-file="+a.folder+"/tls.key",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16",
		"--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none", "--profiling=false")
	require.Eventually(t, func() bool {
		code, _ := a.try("GET", "/readyz", nil)
		return code == http.StatusOK
	}, time.Minute, 200*time.Millisecond, "the API server does not start")
	return a
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// pause has it answer nobody until resume.
func (a *apiServer) pause() { require.NoError(a.t, a.server.Signal(syscall.SIGSTOP)) }

func (a *apiServer) resume() { require.NoError(a.t, a.server.Signal(syscall.SIGCONT)) }

func (a *apiServer) run(program string, args ...string) *os.Process {
	log, err := os.Create(filepath.Join(a.folder, filepath.Base(program)+".log"))
	require.NoError(a.t, err)
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = []string{"HOME=" + a.folder}, log, log
	require.NoError(a.t, cmd.Start())
	a.t.Cleanup(func() {
		if text, err := os.ReadFile(log.Name()); err == nil && a.t.Failed() {
			a.t.Logf("the end of %s: %s", log.Name(), text[max(0, len(text)-2000):])
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	return cmd.Process
}

// try sends a request as the administrator.
func (a *apiServer) try(method, path string, body any) (int, map[string]any) {
	var text []byte
	if body != nil {
		// A deletion with any body does not look at its query.
		var err error
		text, err = json.Marshal(body)
		require.NoError(a.t, err)
	}
	request, err := http.NewRequest(method, "https://"+a.address+path, bytes.NewReader(text))
	require.NoError(a.t, err)
	request.Header.Set("Authorization", "Bearer admin")
	request.Header.Set("Content-Type", map[bool]string{true: "application/merge-patch+json", false: "application/json"}[method == "PATCH"])
	answer, err := a.client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer answer.Body.Close()
	text, _ = io.ReadAll(answer.Body)
	var read map[string]any
	_ = json.Unmarshal(text, &read)
	return answer.StatusCode, read
}

func (a *apiServer) require(method, path string, body any) map[string]any {
	a.t.Helper()
	code, read := a.try(method, path, body)
	require.Less(a.t, code, 300, "%s %s: %v", method, path, read)
	require.NotZero(a.t, code, "%s %s: no answer", method, path)
	return read
}

const namespacePath = "/api/v1/namespaces/scalestack"

// annotation is one of an Endpoints object, empty without the object.
func (a *apiServer) annotation(endpoints, name string) string {
	_, read := a.try("GET", namespacePath+"/endpoints/"+endpoints, nil)
	metadata, _ := read["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	text, _ := annotations[name].(string)
	return text
}

// allow registers what lets the shard's members in, as the component makes it.
func (a *apiServer) allow(args *Args) {
	a.t.Helper()
	record := run(a.t, args)
	for kind, path := range map[string]string{"Role": "roles", "RoleBinding": "rolebindings"} {
		object := record.Get(a.t, kind, "postgres-shard-0").Inputs.Mappable()
		path = "/apis/rbac.authorization.k8s.io/v1/namespaces/scalestack/" + path
		if code, _ := a.try("PUT", path+"/postgres-shard-0", object); code >= 300 {
			a.require("POST", path, object)
		}
	}
}

// kubeconfig is how Patroni finds the server outside of a pod.
func (a *apiServer) kubeconfig() string {
	return fmt.Sprintf(`{"current-context":"kind-kind","contexts":[{"name":"kind-kind","context":{"cluster":"c","user":"u"}}],`+
		`"clusters":[{"name":"c","cluster":{"server":"https://%s","certificate-authority":"%s"}}],"users":[{"name":"u","user":{"token":"member"}}]}`,
		a.address, "CONFIG/account/ca.crt")
}

// ended tells an answer that says that an object is gone.
func ended(read map[string]any) bool { return strings.Contains(fmt.Sprint(read["reason"]), "NotFound") }
