package redis

import (
	_ "embed"
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

const (
	// TLSPort is where Redis listens with TLS, in both modes. No port changes its
	// protocol, so a client that was not told of the change is refused instead of
	// misunderstood.
	TLSPort = 6380

	// runPath is in memory. It has the checked copy of the certificate, the list of users
	// and the socket of the probes, which need no certificate there.
	runPath   = "/run/redis"
	tlsSource = "/etc/redis-tls"
	tlsFolder = runPath + "/tls"
	socket    = runPath + "/redis.sock"
	aliveFile = runPath + "/alive"
	// trialPort is the pod's own, see tls.sh.
	trialPort = 6390
)

//go:embed tls.sh
var tlsEnd string

var tlsScript = kube.AdoptCertificate + "\n" + tlsEnd

// ClientPort is where clients connect that are told to use what t offers: TLSPort, and
// Port without TLS.
func ClientPort(t *k8s.TLS) int {
	if t == nil {
		return Port
	}
	return TLSPort
}

// port is one where the server listens for others, with its name in the pod.
type port struct {
	name   string
	number int
}

func openPorts(a *Args) []port {
	var open []port
	if !a.TLS.Requires() {
		open = append(open, port{"redis", Port})
	}
	if a.TLS != nil {
		open = append(open, port{"redis-tls", TLSPort})
	}
	return open
}

// Ports are all where Redis listens for others, for a network policy that lets in others
// than IngressFrom.
func (a *Args) Ports() []int {
	var numbers []int
	for _, open := range openPorts(a) {
		numbers = append(numbers, open.number)
	}
	return numbers
}

// reached are redis-cli's options for the server in its own pod. With TLS that is the
// socket: a probe needs no certificate, and one that has expired restarts no server.
func reached(a *Args) string {
	if a.TLS == nil {
		return fmt.Sprintf("-h 127.0.0.1 -p %d", Port)
	}
	return "-s " + socket
}

// userMount is where the server has its list of users from, with TLS with the rest that
// the container tls has made.
func userMount(a *Args) *corev1.VolumeMountArgs {
	if a.TLS == nil {
		return kube.ReadOnlyMount("acl", aclPath)
	}
	return kube.Mount("run", runPath)
}

// listening are the lines of redis.conf that say where and how. TLS 1.2 is the least, for
// clients whose libraries do not know 1.3. Users have passwords, so that no client needs a
// certificate.
func listening(a *Args) []string {
	lines := []string{fmt.Sprintf("port %d", Port)}
	if a.TLS.Requires() {
		lines = []string{"port 0"}
	}
	if a.TLS == nil {
		return lines
	}
	return append(lines,
		fmt.Sprintf("tls-port %d", TLSPort),
		"tls-cert-file "+tlsFolder+"/current/tls.crt",
		"tls-key-file "+tlsFolder+"/current/tls.key",
		"tls-auth-clients no",
		`tls-protocols "TLSv1.2 TLSv1.3"`,
		"unixsocket "+socket,
		"unixsocketperm 700",
	)
}

// userFolder has users.acl, which tls.sh completes.
func userFolder(a *Args) string {
	if a.TLS == nil {
		return aclPath
	}
	return runPath
}

// startCommand waits for the first certificate, of which the container tls tells.
func startCommand(a *Args) []string {
	server := []string{"redis-server", configPath + "/redis.conf"}
	if a.TLS == nil {
		return server
	}
	return []string{"sh", "-c", fmt.Sprintf(`trap 'exit 0' TERM
until [ -s %s/current/tls.crt ] && [ -s %s/users.acl ]; do sleep 0.1 & wait $!; done
exec %s %s`, tlsFolder, runPath, server[0], server[1])}
}

// startupSeconds is how long the server may take to its first answer. With TLS that is as
// long as the wait for a Secret that can be used: the longer each one, the sooner the
// kubelet starts the next.
func startupSeconds(a *Args) int {
	if a.TLS == nil {
		return 30
	}
	return 600
}

// serverName is the one name under which clients reach the server.
func serverName(s server, a *Args) pulumi.StringOutput {
	return pulumi.Sprintf("%s.%s.svc.cluster.local", s.name(), a.Namespace)
}

// certificate is cert-manager's, if that is where it comes from.
func certificate(s server, a *Args) *apiextensions.CustomResourceArgs {
	return kube.Certificate(s.labels(), a.TLS.SecretOf(s.name()), a.Namespace, a.TLS,
		pulumi.StringArray{serverName(s, a)}.ToStringArrayOutput())
}

// tlsContainer checks the Secret and tells the server of a renewal. It is in a container of
// its own because the key's Secret is its matter alone, and what it takes must not be at the
// cost of the data. It is ready once it has looked: a Secret that is refused leaves a server
// that goes on.
func tlsContainer(s server, a *Args) *corev1.ContainerArgs {
	c := kube.Program{
		Name: "tls", Image: a.Image, PullPolicy: a.ImagePullPolicy,
		Command: []string{"sh", configPath + "/tls.sh", "follow"},
		Env: []kube.Env{{
			"TLS_SOURCE": pulumi.String(tlsSource), "TLS_FOLDER": pulumi.String(tlsFolder), "TLS_NAME": serverName(s, a),
			"TLS_TRIAL": pulumi.String(strconv.Itoa(trialPort)), "RUN": pulumi.String(runPath), "ACL": pulumi.String(aclPath + "/users.acl"),
		}},
		Resources: k8s.Resources{CPURequest: "10m", CPULimit: "200m", Memory: "32Mi"},
	}.Container()
	c.ReadinessProbe = execProbe("test -s "+aliveFile, 5, 3)
	c.LivenessProbe = kube.Lately(aliveFile, 300)
	c.VolumeMounts = corev1.VolumeMountArray{
		kube.ReadOnlyMount("config", configPath), kube.ReadOnlyMount("acl", aclPath), kube.ReadOnlyMount("tls", tlsSource), kube.Mount("run", runPath),
	}
	return c
}

// tlsVolumes are what a pod with TLS has beyond the others.
func tlsVolumes(s server, a *Args) corev1.VolumeArray {
	if a.TLS == nil {
		return nil
	}
	return corev1.VolumeArray{
		kube.SecretVolume("tls", a.TLS.SecretOf(s.name())),
		kube.MemoryDir("run", "1Mi"),
	}
}
