package postgres

import (
	_ "embed"
	"regexp"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

const (
	// AuthorityPath is where a shard's own server has what clients trust, for its
	// connections to others.
	AuthorityPath = tlsFolder + "/current/" + k8s.AuthorityKey

	// tlsSource is the mounted Secret, tlsFolder what was checked of it.
	tlsSource = "/etc/postgresql-tls"
	tlsFolder = volumePath + "/tls"
	verify    = "verify-full"
)

//go:embed tls.sh
var tlsEnd string

func (p plan) tlsSecret() string { return p.TLS.SecretOf(p.component) }

// tlsSettings are those of a server with TLS. The paths lead to what tls.sh has checked.
// TLS 1.2 is the least, for services whose libraries do not know 1.3.
func tlsSettings(a *Args) []setting {
	if a.TLS == nil {
		return nil
	}
	return []setting{
		{"ssl", "on"},
		{"ssl_cert_file", tlsFolder + "/current/tls.crt"},
		{"ssl_key_file", tlsFolder + "/current/tls.key"},
		{"ssl_min_protocol_version", "TLSv1.2"},
	}
}

// tlsDecides reports whether a setting is the component's with TLS. All that decides who is
// trusted and with what begins so.
func tlsDecides(a *Args, name string) bool { return a.TLS != nil && strings.HasPrefix(name, "ssl") }

var (
	firstHostLine         = regexp.MustCompile(`(?m)^host `)
	refusesSuperuser      = regexp.MustCompile(`(?m)^host(ssl)? +all +postgres +all +reject$`)
	superusersReplication = regexp.MustCompile(`(?m)^host +replication +postgres .*\n`)
)

// hostLines lets remote lines of a pg_hba.conf match connections with TLS alone, if it is
// required, and refuses the superuser, if it is local.
func hostLines(a *Args, hba string) string {
	if a.LocalSuperuser {
		hba = superusersReplication.ReplaceAllString(hba, "")
		at := firstHostLine.FindStringIndex(hba)[0]
		hba = hba[:at] + "host    all          postgres  all  reject\n" + hba[at:]
	}
	if !a.TLS.Requires() {
		return hba
	}
	return strings.ReplaceAll(hba, "\nhost   ", "\nhostssl")
}

// RefusesSuperuser reports whether a shard's pg_hba.conf does what Args.LocalSuperuser asks for.
func RefusesSuperuser(hba string) bool { return refusesSuperuser.MatchString(hba) }

// shardNames are the names under which clients reach a member: the Service's and the
// pod's own.
func (p plan) shardNames() pulumi.StringOutput {
	names := pulumi.Sprintf("%s.%s.svc.cluster.local %s", p.object(), p.Namespace, p.podName())
	if p.replicated() {
		names = pulumi.Sprintf("%s %s.%s.svc.cluster.local", names, p.replicas(), p.Namespace)
	}
	return names
}

// podName is podHost without the dot at its end, which no certificate has.
func (p plan) podName() pulumi.StringOutput {
	return pulumi.Sprintf("%s.%s.%s.svc.cluster.local", p.pod(), p.headless(), p.Namespace)
}

func tlsEnv(p plan) corev1.EnvVarArray {
	if p.TLS == nil {
		return nil
	}
	return corev1.EnvVarArray{
		env("TLS_SOURCE", tlsSource), env("TLS_FOLDER", tlsFolder), env("TLS_CONFIG", configPath),
		&corev1.EnvVarArgs{Name: pulumi.String("TLS_NAMES"), Value: p.shardNames()},
	}
}

func tlsVolumes(p plan) corev1.VolumeArray {
	if p.TLS == nil {
		return nil
	}
	return corev1.VolumeArray{kube.SecretVolume("tls", p.tlsSecret())}
}

func tlsMounts(p plan) corev1.VolumeMountArray {
	if p.TLS == nil {
		return nil
	}
	return corev1.VolumeMountArray{kube.ReadOnlyMount("tls", tlsSource)}
}

// tlsPrepare is the end of what runs before each start.
func tlsPrepare(a *Args) string {
	if a.TLS == nil {
		return ""
	}
	prepare := "\n. \"$TLS_CONFIG/tls.sh\"\ntls_prepare\n"
	if a.memberCertificates() {
		prepare += "tls_members\n"
	}
	return prepare
}

// followed lets a single server's readiness probe look for a renewed certificate first:
// it is the one thing that runs in the server's container now and then.
func followed(p plan, c *corev1.ContainerArgs) {
	if p.TLS != nil {
		c.ReadinessProbe = probe("sh "+configPath+"/tls.sh look; "+isReady, 5, 3)
	}
}

const tlsAliveFile = "/tmp/tls-alive"

// tlsContainer looks for a renewed certificate beside Patroni, which has no probe that
// could.
func tlsContainer(p plan) *corev1.ContainerArgs {
	c := container(p, "tls", "sh", configPath+"/tls.sh", "follow")
	c.Env = append(append(c.Env.(corev1.EnvVarArray), env("SOCKET", socketPath), env("ALIVE", tlsAliveFile), env("PATRONI", patroniPath)), trustEnv(p)...)
	c.VolumeMounts = append(c.VolumeMounts.(corev1.VolumeMountArray), kube.ReadOnlyMount("patroni", patroniPath))
	c.Resources = kube.Resources(k8s.Resources{CPURequest: "10m", CPULimit: "200m", Memory: "64Mi"})
	c.ReadinessProbe = probe("test -s "+tlsAliveFile, 5, 3)
	// It waits for the server, which may take an hour to replay its log.
	c.LivenessProbe = kube.Lately(tlsAliveFile, 3600)
	return c
}

// Where the component's own clients have the authority.
const (
	clientTLS       = "/etc/shards-ca"
	clientAuthority = clientTLS + "/" + k8s.AuthorityKey
)

// AuthorityMount gives a client of the component with this name what it needs to verify
// the shards, see [k8s.TLS.Authority].
func AuthorityMount(component string, t *TLS, path string) k8s.Mount {
	return t.Authority(component, "shard-ca", path)
}

func authorityMounts(component string, a *Args) []k8s.Mount {
	if a.TLS == nil {
		return nil
	}
	return []k8s.Mount{AuthorityMount(component, a.TLS, clientTLS)}
}

// clientVariables tell psql how to connect; without TLS the scripts say so themselves.
func clientVariables(a *Args) map[string]pulumi.StringInput {
	if a.TLS == nil {
		return nil
	}
	return map[string]pulumi.StringInput{"PGSSLMODE": pulumi.String(verify), "PGSSLROOTCERT": pulumi.String(clientAuthority)}
}
