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
	k8s.TLS

	// MemberCertificates makes Patroni accept changes only from clients that present a
	// certificate of the authorities in ca.crt, in addition to its password. The members
	// present the servers' own certificate, which must therefore be valid for clients too
	// (extended key usage clientAuth): the Certificate of an Issuer is, and a Secret with
	// one for servers only is refused. A change restarts the members one after the other,
	// see docs/tls.md. It needs Members above 1. Default: false; the password is enough.
	MemberCertificates bool `json:"memberCertificates" pulumi:"memberCertificates,optional"`
}

// Requires reports whether the servers refuse clear text. Without TLS they do not.
func (t *TLS) Requires() bool { return t != nil && t.TLS.Requires() }

// SecretOf is the name of the Secret with the certificate of the component with this name,
// or "" without TLS.
func (t *TLS) SecretOf(component string) string {
	if t == nil {
		return ""
	}
	return t.TLS.SecretOf(component)
}

// memberCertificates reports whether Patroni takes changes only with a certificate.
func (a *Args) memberCertificates() bool { return a.TLS != nil && a.TLS.MemberCertificates }

func (a *Args) checkMemberCertificates(path *field.Path) field.ErrorList {
	if a.Members == 1 && a.memberCertificates() {
		return field.ErrorList{field.Invalid(path.Child("tls", "memberCertificates"), true,
			"must be false with members 1: a single server has no Patroni that could be changed")}
	}
	return nil
}

// trustPath is where Patroni reads its settings with member certificates: links to those in
// patroniPath, and what trust.py adds.
const trustPath = "/tmp/patroni"

//go:embed tls_members.sh
var tlsMembers string

//go:embed trust.py
var trustProgram string

// tlsScript is what judges a certificate and gives it to the server.
func tlsScript(a *Args) string {
	parts := []string{kube.AdoptCertificate, tlsEnd}
	if a.memberCertificates() {
		parts = []string{kube.AdoptCertificate, tlsMembers, tlsEnd}
	}
	return strings.Join(parts, "\n")
}

// clientUsages are what a certificate is for besides servers.
func clientUsages(a *Args) []string {
	if a.memberCertificates() {
		return []string{"client auth"}
	}
	return nil
}

// patroniFolder is what Patroni reads its settings from.
func patroniFolder(p plan) string {
	if p.memberCertificates() {
		return trustPath
	}
	return patroniPath
}

// trustEnv is for the containers that run trust.py.
func trustEnv(p plan) corev1.EnvVarArray {
	if !p.memberCertificates() {
		return nil
	}
	return corev1.EnvVarArray{&corev1.EnvVarArgs{Name: pulumi.String("TRUST"), Value: pulumi.String(trustPath)}}
}
