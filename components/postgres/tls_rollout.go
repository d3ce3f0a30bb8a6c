package postgres

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/owner"
)

//go:embed clients.sh
var clientsScript string

// clientsProgram is rollout.sh with another end.
func clientsProgram() string {
	functions, _, _ := strings.Cut(rolloutScript, "\ncheck_config\n")
	return functions + "\n" + clientsScript
}

func (j rolloutJob) command() []string {
	switch {
	case j.archive != "":
		return []string{"python3", "-I", rolloutPath + "/archiving.py", j.archive}
	case j.clients:
		return []string{"sh", rolloutPath + "/clients.sh"}
	}
	return []string{"sh", rolloutPath + "/rollout.sh"}
}

// looksInside tells that the Job asks how others are connected, or what is on the volume, which the application's role may not.
func (j rolloutJob) looksInside() bool { return j.clients || j.archive != "" }

// credentials are the application's: who waits for a rollout asks a question that every role may ask.
func (j rolloutJob) credentials(p plan) *corev1.VolumeArgs {
	if !j.looksInside() {
		return kube.SecretVolume(p.name(), p.secret(AppCredentials))
	}
	volume, items := kube.SecretVolume(p.name(), p.secret(AdminCredentials)), corev1.KeyToPathArray{}
	files := LoginFiles(MoverLogin, "", p.hasFormer())
	for _, key := range slices.Sorted(maps.Keys(files)) {
		items = append(items, &corev1.KeyToPathArgs{Key: pulumi.String(key), Path: pulumi.String(files[key])})
	}
	volume.Secret.(*corev1.SecretVolumeSourceArgs).Items = items
	return volume
}

func (j rolloutJob) role() string {
	if j.looksInside() {
		return owner.Mover
	}
	return AppRole
}

// tlsRevision makes a new Job where it would judge the same rollouts in another way.
func (j rolloutJob) tlsRevision() string {
	if j.TLS == nil {
		return ""
	}
	return fmt.Sprint(j.tlsSecret(), j.TLS.Mode, tlsScript(j.Args))
}

// tlsVolumes leave the key to the Job that checks it. A Secret that does not exist yet is
// for the Job to report.
func (j rolloutJob) tlsVolumes() corev1.VolumeArray {
	if j.TLS == nil {
		return nil
	}
	source := &corev1.SecretVolumeSourceArgs{
		SecretName: pulumi.String(j.tlsSecret()), DefaultMode: pulumi.Int(0o440), Optional: pulumi.Bool(true),
	}
	if !j.check {
		source.Items = corev1.KeyToPathArray{&corev1.KeyToPathArgs{Key: pulumi.String(k8s.AuthorityKey), Path: pulumi.String(k8s.AuthorityKey)}}
	}
	return corev1.VolumeArray{&corev1.VolumeArgs{Name: pulumi.String("tls"), Secret: source}}
}

func (j rolloutJob) tlsEnv() corev1.EnvVarArray {
	if j.TLS == nil {
		return nil
	}
	all := corev1.EnvVarArray{env("PGSSLMODE", verify), env("PGSSLROOTCERT", tlsSource+"/"+k8s.AuthorityKey)}
	switch {
	case j.check:
		all = append(append(all, env("CERTIFICATE", rolloutPath+"/tls.sh")), tlsEnv(j.plan)...)
	case j.TLS.Requires() && !j.clients && j.archive == "":
		all = append(all, env("CLEARTEXT", "refused"))
	}
	return all
}

// everyMember is for Jobs that ask the servers, whatever they run.
func (r *registrar) everyMember() []rolledShard {
	var all []rolledShard
	for _, id := range r.args.Shards {
		for member := range r.args.Members {
			p := plan{Args: r.args, component: r.name, id: id, member: member}
			all = append(all, rolledShard{plan: p, rollout: pulumi.String("-").ToStringOutput()})
		}
	}
	return all
}

// tls registers the certificate, which cert-manager is asked for.
func (r *registrar) tls() error {
	if r.args.TLS == nil {
		return nil
	}
	certificate, err := r.certificate()
	r.ready, r.watch = certificate, append(r.watch, certificate...)
	return err
}

// clients registers what servers wait for before they refuse connections without TLS: the
// end of all such connections, by the servers' own word, whoever their clients are.
func (r *registrar) clients() error {
	if !r.args.TLS.Requires() {
		return nil
	}
	survey := rolloutJob{plan: plan{Args: r.args, component: r.name, id: r.args.Shards[0]}, object: r.name + "-clients",
		clients: true, shards: r.everyMember()}
	made, err := r.job(r.name+"-clients", survey, slices.Clone(r.watch))
	if err != nil {
		return err
	}
	r.ready = append(r.ready, made)
	return nil
}
