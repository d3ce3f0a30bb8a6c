package redis

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/certtest"
)

const testName = "redis.scalestack.svc.cluster.local"

// tlsPod is what runs in a pod with TLS, on the component's own files and commands, with
// the paths and ports of a test. Its Secret is a folder.
type tlsPod struct {
	*testing.T
	folder     string
	paths      *strings.Replacer
	clear, tls string
	trusted    []byte
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

// startPod runs both containers.
func startPod(t *testing.T, mode k8s.TLSMode, pair certtest.Pair, trusted []byte) *tlsPod {
	t.Helper()
	if os.Getenv(serverVariable) == "" {
		t.Skipf("needs a real Redis: set %s to redis-server", serverVariable)
	}
	clear, secure, folder := freePort(t), freePort(t), t.TempDir()
	p := &tlsPod{T: t, folder: folder, clear: "127.0.0.1:" + clear, tls: "127.0.0.1:" + secure, trusted: trusted, paths: strings.NewReplacer(
		"bind * -::*", "bind 127.0.0.1", "\nport 6379", "\nport "+clear, "tls-port 6380", "tls-port "+secure,
		runPath, folder+"/run", configPath, folder, "dir "+dataPath, "dir "+folder)}
	require.NoError(t, os.Mkdir(p.at("run"), 0o700))
	args := (&Args{MaxClients: testClients, TLS: &k8s.TLS{Secret: "cache-tls", Mode: mode}}).withDefaults()
	for name, content := range files(args) {
		p.write(name, p.paths.Replace(content))
	}
	p.write("users.acl", userList(args, "secret"))
	p.secret(pair)
	keeper := p.command("sh", p.at("tls.sh"), "follow")
	keeper.Env = append(keeper.Env, "TLS_SOURCE="+p.at("secret"), "TLS_FOLDER="+p.at("run/tls"), "TLS_NAME="+testName, "TLS_TRIAL="+freePort(t),
		"RUN="+p.at("run"), "ACL="+p.at("users.acl"), "PAUSE=0.1")
	p.begin(keeper, "tls.log")
	return p
}

func (p *tlsPod) at(name string) string { return filepath.Join(p.folder, name) }

func (p *tlsPod) write(name, content string) {
	p.Helper()
	require.NoError(p, os.WriteFile(p.at(name), []byte(content), 0o600))
}

func (p *tlsPod) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = []string{"PATH=" + filepath.Dir(os.Getenv(serverVariable)) + ":" + os.Getenv("PATH")}
	return cmd
}

// begin starts a program of the pod, which ends within its grace at the latest.
func (p *tlsPod) begin(cmd *exec.Cmd, log string) (end func()) {
	p.Helper()
	file, err := os.OpenFile(p.at(log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(p, err)
	cmd.Stdout, cmd.Stderr = file, file
	require.NoError(p, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait(); _ = file.Close() }()
	end = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
			ended <- nil
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			p.Errorf("%s does not end when it is asked to", cmd)
		}
	}
	p.Cleanup(end)
	return end
}

// serve starts the server's container.
func (p *tlsPod) serve() (end func()) {
	p.Helper()
	command := startCommand(&Args{TLS: &k8s.TLS{}})
	for i := range command {
		command[i] = p.paths.Replace(command[i])
	}
	return p.begin(p.command(command[0], command[1:]...), "redis.log")
}

// secret changes the Secret as kubelet does: all files at once.
func (p *tlsPod) secret(pair certtest.Pair) {
	p.Helper()
	version, err := os.MkdirTemp(p.folder, "..version")
	require.NoError(p, err)
	for name, content := range map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key, "ca.crt": p.trusted} {
		require.NoError(p, os.WriteFile(filepath.Join(version, name), content, 0o600))
	}
	require.NoError(p, os.MkdirAll(p.at("secret"), 0o700))
	require.NoError(p, os.Symlink(version, p.at("secret/..next")))
	require.NoError(p, os.Rename(p.at("secret/..next"), p.at("secret/..data")))
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		_ = os.Symlink("..data/"+name, p.at("secret/"+name))
	}
}

func (p *tlsPod) log() string {
	content, err := os.ReadFile(p.at("tls.log"))
	require.NoError(p, err)
	return string(content)
}

func (p *tlsPod) verified(trusted ...[]byte) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(slices.Concat(trusted...))
	return &tls.Config{RootCAs: roots, ServerName: testName, MinVersion: tls.VersionTLS12}
}

func (p *tlsPod) client(config *tls.Config) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: p.tls, Username: AppUser, Password: "secret", TLSConfig: config, MaxRetries: -1, DialerRetries: 1})
	p.Cleanup(func() { _ = c.Close() })
	return c
}

// served is the serial number of the certificate that a new connection gets, "" without one.
func (p *tlsPod) served(config *tls.Config) string {
	conn, err := tls.Dial("tcp", p.tls, config)
	if err != nil {
		return ""
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func (p *tlsPod) awaitServed(config *tls.Config, different string) (serial string) {
	p.Helper()
	require.Eventually(p, func() bool { serial = p.served(config); return serial != "" && serial != different }, 20*time.Second, 20*time.Millisecond)
	return serial
}

func (p *tlsPod) awaitLog(line string) {
	p.Helper()
	require.Eventually(p, func() bool { return strings.Contains(p.log(), line) }, 20*time.Second, 20*time.Millisecond, line)
}
