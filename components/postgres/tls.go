package postgres

import (
	_ "embed"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

// TLS encrypts all connections to the shards, and lets clients check who answers. Exactly
// one of Secret and Issuer is set.
type TLS struct {
	// Secret in Namespace with the keys tls.crt, tls.key and ca.crt, which the user or a
	// tool makes and renews. Its one certificate is for all shards: it covers the names
	// <component>-shard-<id>.<namespace>.svc.cluster.local of each shard and
	// <pod>.<component>-shard-<id>-headless.<namespace>.svc.cluster.local of each of its
	// pods, and with Members above 1 also <component>-shard-<id>-replicas.<namespace>.svc.cluster.local.
	// Wildcards for the first label will do. The key has no passphrase. ca.crt has the
	// roots that clients trust: during a change of the authority the old one and the new.
	Secret string `json:"secret" pulumi:"secret,optional" format:"label"`
	// Issuer of cert-manager in the cluster. The component then makes a Certificate
	// <component>-tls with all names, which cert-manager issues into the Secret of that
	// name and renews.
	Issuer *Issuer `json:"issuer" pulumi:"issuer,optional"`
	// Mode says what the servers do with connections in clear text: take them (offer) or
	// refuse them (require). Shards that have clients in clear text come by offer: their
	// clients get TLS after the servers, and a deployment with require waits until no
	// client is left that has none.
	Mode TLSMode `json:"mode" pulumi:"mode,optional" default:"require" enum:"offer,require"`
}

// Issuer is one of cert-manager's. It has to give its own certificate (ca.crt), as the
// types CA, Vault, Venafi and SelfSigned do and ACME does not.
type Issuer struct {
	// Name of the issuer.
	Name string `json:"name" pulumi:"name" required:"true" format:"label"`
	// Kind of the issuer.
	Kind string `json:"kind" pulumi:"kind,optional" default:"Issuer" enum:"Issuer,ClusterIssuer"`
	// DurationHours is how long each certificate holds. A third of it before its end it is
	// renewed.
	DurationHours int `json:"durationHours" pulumi:"durationHours,optional" default:"2160" min:"24" max:"87600"`
}

// TLSMode says what servers do with connections in clear text.
type TLSMode string

const (
	// TLSOffer takes connections with and without TLS.
	TLSOffer TLSMode = "offer"
	// TLSRequire refuses connections without TLS.
	TLSRequire TLSMode = "require"
)

const (
	// AuthorityKey is the key of the Secret with what clients trust.
	AuthorityKey = "ca.crt"
	// AuthorityPath is where a shard's own server has that, for its connections to others.
	AuthorityPath = tlsFolder + "/current/" + AuthorityKey

	// tlsSource is the mounted Secret, tlsFolder what was checked of it.
	tlsSource = "/etc/postgresql-tls"
	tlsFolder = volumePath + "/tls"
	verify    = "verify-full"
)

//go:embed tls.sh
var tlsScript string

// Check reports what the fields' ranges cannot express.
func (t *TLS) Check(path *field.Path) field.ErrorList {
	switch {
	case t.Secret == "" && t.Issuer == nil:
		return field.ErrorList{field.Required(path, "one of secret and issuer")}
	case t.Secret != "" && t.Issuer != nil:
		return field.ErrorList{field.Forbidden(path.Child("secret"), "is given together with issuer, which makes its own")}
	}
	return nil
}

// TLSSecret is the name of the Secret with the shards' certificate, or "" without TLS.
func TLSSecret(component string, t *TLS) string {
	switch {
	case t == nil:
		return ""
	case t.Issuer != nil:
		return component + "-tls"
	}
	return t.Secret
}

func (p plan) tlsSecret() string { return TLSSecret(p.component, p.TLS) }

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

// tlsDecides tells whether a setting is the component's with TLS. All that decides who is
// trusted and with what begins so.
func tlsDecides(a *Args, name string) bool { return a.TLS != nil && strings.HasPrefix(name, "ssl") }

// hostLines lets remote lines of a pg_hba.conf match connections with TLS alone, if it is
// required.
func hostLines(a *Args, hba string) string {
	if a.TLS == nil || a.TLS.Mode != TLSRequire {
		return hba
	}
	return strings.ReplaceAll(hba, "\nhost   ", "\nhostssl")
}

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
	return corev1.VolumeArray{secretVolume("tls", p.tlsSecret())}
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
	return "\n. \"$TLS_CONFIG/tls.sh\"\ntls_prepare\n"
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
	c.Env = append(c.Env.(corev1.EnvVarArray), env("SOCKET", socketPath), env("ALIVE", tlsAliveFile))
	c.Resources = kube.Resources(k8s.Resources{CPURequest: "10m", CPULimit: "200m", Memory: "64Mi"})
	c.ReadinessProbe = probe("test -s "+tlsAliveFile, 5, 3)
	// It waits for the server, which may take an hour to replay its log.
	c.LivenessProbe = lately(tlsAliveFile, 3600)
	return c
}

// Where the component's own clients have the authority.
const (
	clientTLS       = "/etc/shards-ca"
	clientAuthority = clientTLS + "/" + AuthorityKey
)

// AuthorityMount gives a client what it needs to verify the shards at a path, as the file
// AuthorityKey. Nothing else of the Secret is for clients.
func AuthorityMount(component string, t *TLS, path string) k8s.Mount {
	return k8s.Mount{Name: "shard-ca", Path: path, Secrets: []k8s.SecretFiles{{
		Secret: pulumi.String(TLSSecret(component, t)), Files: map[string]string{AuthorityKey: AuthorityKey},
	}}}
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
