package app

import (
	"fmt"
	"path"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/check"
)

// Validate returns every mistake in the arguments at once, each with the path
// of its field, or nil. Values that are only known during the deployment are
// checked by Kubernetes.
func (a *Args) Validate() error {
	return a.withDefaults().validate()
}

// validate expects the defaults to be filled in.
func (a *Args) validate() error {
	var errs check.Errors
	kube.Image(&errs, "image", a.Image)
	kube.PullPolicy(&errs, "imagePullPolicy", a.ImagePullPolicy)
	errs.Range("user", a.User, 1, 65535)
	a.validatePorts(&errs)
	a.validateScaling(&errs)
	a.validateLifecycle(&errs)
	validateEnv(&errs, "env", a.Env)
	validateMounts(&errs, "mounts", a.Mounts)
	validateTargets(&errs, "targets", a.Targets)
	validateCallers(&errs, "callers", a.Callers, a.Port)
	for i, value := range a.RestartOn {
		if value == nil {
			errs.Addf(index("restartOn", i), "has no value")
		}
	}
	a.Resources.Validate(&errs, "resources")
	a.Migration.validate(&errs, "migration", a)
	if a.Migration != nil && len(a.Migration.FinalExitCodes) > 0 {
		errs.Addf("migration.finalExitCodes", "%v would leave Pulumi waiting for the whole deadline: give fewer retries", a.Migration.FinalExitCodes)
	}
	a.Followup.validate(&errs, "followup", a)
	if a.Migration != nil && a.Followup != nil && a.Migration.Name == a.Followup.Name {
		errs.Addf("followup.name", "%q is the migration's", a.Followup.Name)
	}
	return errs.Err()
}

func (a *Args) validatePorts(errs *check.Errors) {
	errs.Range("port", a.Port, 0, 65535)
	errs.Range("servicePort", a.ServicePort, 0, 65535)
	if a.HealthPort != a.Port {
		errs.Range("healthPort", a.HealthPort, 1, 65535)
	}
	if a.Port == 0 && a.ServicePort != 0 {
		errs.Addf("servicePort", "%d has no port behind it: port is 0", a.ServicePort)
	}
}

func (a *Args) validateScaling(errs *check.Errors) {
	errs.Range("replicas.min", a.Replicas.Min, 1, 1000)
	errs.Range("replicas.max", a.Replicas.Max, 1, 1000)
	if a.Replicas.Max < a.Replicas.Min {
		errs.Addf("replicas.max", "%d is below replicas.min %d", a.Replicas.Max, a.Replicas.Min)
	}
	errs.Range("cpuTargetPercent", a.CPUTargetPercent, 1, 100)
	a.Behavior.Up.validate(errs, "behavior.up", 1000)
	a.Behavior.Down.validate(errs, "behavior.down", 100)
	for i, metric := range a.Metrics {
		metric.validate(errs, index("metrics", i))
	}
}

func (s Scaling) validate(errs *check.Errors, path string, maxPercent int) {
	errs.Range(path+".windowSeconds", *s.WindowSeconds, 0, 3600)
	errs.Range(path+".percent", s.Percent, 0, maxPercent)
	errs.Range(path+".pods", s.Pods, 0, 1000)
	errs.Range(path+".periodSeconds", s.PeriodSeconds, 1, 1800)
}

func (m Metric) validate(errs *check.Errors, path string) {
	errs.OneOf(path+".kind", string(m.Kind), string(PodsMetric), string(ExternalMetric))
	errs.Required(path+".name", m.Name)
	switch {
	case (m.Average == "") == (m.Total == ""):
		errs.Addf(path, "needs one of average and total")
	case m.Average != "":
		kube.Quantity(errs, path+".average", m.Average)
	case m.Kind == PodsMetric:
		errs.Addf(path+".total", "%s is not allowed for a pods metric: give average", m.Total)
	default:
		kube.Quantity(errs, path+".total", m.Total)
	}
}

func (a *Args) validateLifecycle(errs *check.Errors) {
	errs.Range("terminationGraceSeconds", a.TerminationGraceSeconds, 1, 3600)
	errs.Range("probes.startupSeconds", a.Probes.StartupSeconds, 2, 3600)
	absolute(errs, "probes.readiness", a.Probes.Readiness)
	absolute(errs, "probes.liveness", a.Probes.Liveness)
}

// validate leaves what is inherited from the component to the component.
func (j *Job) validate(errs *check.Errors, path string, from *Args) {
	if j == nil {
		return
	}
	kube.Name(errs, path+".name", j.Name, "")
	if len(j.Name) > longestJobName {
		errs.Addf(path+".name", "%q is longer than %d", j.Name, longestJobName)
	}
	if j.Image != from.Image {
		kube.Image(errs, path+".image", j.Image)
	}
	errs.Range(path+".port", j.Port, 0, 65535)
	validateCallers(errs, path+".callers", j.Callers, j.Port)
	errs.Range(path+".retries", j.Retries, 1, 1000)
	if j.DeadlineSeconds != 0 {
		errs.Range(path+".deadlineSeconds", j.DeadlineSeconds, 10, 86400)
	}
	for i, code := range j.FinalExitCodes {
		errs.Range(index(path+".finalExitCodes", i), code, 1, 255)
	}
	validateEnv(errs, path+".env", j.Env)
	validateMounts(errs, path+".mounts", j.Mounts)
	validateTargets(errs, path+".targets", j.Targets)
	if j.Resources != from.Resources {
		j.Resources.Validate(errs, path+".resources")
	}
}

func validateCallers(errs *check.Errors, path string, callers []Peer, port int) {
	if port == 0 && len(callers) > 0 {
		errs.Addf(path, "%d callers have no port to call: port is 0", len(callers))
	}
	for i, caller := range callers {
		caller.Validate(errs, index(path, i))
	}
}

func validateTargets(errs *check.Errors, path string, targets []Target) {
	for i, target := range targets {
		target.Validate(errs, index(path, i))
	}
}

func validateEnv(errs *check.Errors, path string, env map[string]pulumi.StringInput) {
	for name, value := range env {
		if len(validation.IsEnvVarName(name)) > 0 {
			errs.Addf(path, "%q is not the name of an environment variable", name)
		}
		if value == nil {
			errs.Addf(path+"."+name, "has no value")
		}
	}
}

func validateMounts(errs *check.Errors, path string, mounts []Mount) {
	names, paths := map[string]bool{}, map[string]bool{}
	for i, mount := range mounts {
		at := index(path, i)
		mount.validate(errs, at)
		if names[mount.Name] {
			errs.Addf(at+".name", "%q is used twice", mount.Name)
		}
		if paths[mount.Path] {
			errs.Addf(at+".path", "%q is used twice", mount.Path)
		}
		names[mount.Name], paths[mount.Path] = true, true
	}
}

func (m Mount) validate(errs *check.Errors, at string) {
	kube.Name(errs, at+".name", m.Name, "")
	absolute(errs, at+".path", m.Path)
	sources := 0
	for _, set := range []bool{m.ConfigMap != nil, m.Secret != nil, len(m.Secrets) > 0, m.Scratch != ""} {
		if set {
			sources++
		}
	}
	if sources != 1 {
		errs.Addf(at, "has %d sources, not one of configMap, secret, secrets and scratch", sources)
	}
	if m.Scratch != "" {
		kube.Quantity(errs, at+".scratch", m.Scratch)
	}
	validateSecrets(errs, at+".secrets", m.Secrets)
}

func validateSecrets(errs *check.Errors, at string, secrets []SecretFiles) {
	files := map[string]bool{}
	for i, secret := range secrets {
		one := index(at, i)
		if secret.Secret == nil {
			errs.Addf(one+".secret", "is required")
		}
		if len(secret.Files) == 0 {
			errs.Addf(one+".files", "is empty")
		}
		for _, key := range sortedKeys(secret.Files) {
			file := secret.Files[key]
			if path.IsAbs(file) || path.Clean(file) != file || file == "." || strings.HasPrefix(file, "..") {
				errs.Addf(one+".files."+key, "%q is not a file below the mount", file)
			}
			if files[file] {
				errs.Addf(one+".files."+key, "%q is used twice", file)
			}
			files[file] = true
		}
	}
}

func absolute(errs *check.Errors, at, value string) {
	if !path.IsAbs(value) || path.Clean(value) != value {
		errs.Addf(at, "%q is not an absolute path without '.', '..' or a closing '/'", value)
	}
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
