package app

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// withDefaults returns a copy with every default filled in.
func (a *Args) withDefaults() *Args {
	var c Args
	if a != nil {
		c = *a
	}
	if c.Namespace == nil {
		c.Namespace = pulumi.String(kube.DefaultNamespace)
	}
	orString(&c.ImagePullPolicy, "IfNotPresent")
	orInt(&c.User, 65532)
	if c.Port != 0 {
		orInt(&c.ServicePort, 80)
		orInt(&c.HealthPort, c.Port)
	}
	orInt(&c.HealthPort, 8080)
	c.Resources = resourcesOr(c.Resources, Resources{CPURequest: "100m", CPULimit: "500m", Memory: "128Mi"})
	orInt(&c.Replicas.Min, 3)
	orInt(&c.Replicas.Max, max(10, c.Replicas.Min))
	orInt(&c.CPUTargetPercent, 60)
	orInt(&c.TerminationGraceSeconds, 45)
	c.Behavior.Up = c.Behavior.Up.or(Scaling{WindowSeconds: seconds(0), Percent: 100, Pods: 2, PeriodSeconds: 30})
	c.Behavior.Down = c.Behavior.Down.or(Scaling{WindowSeconds: seconds(300), Percent: 50, PeriodSeconds: 60})
	orString(&c.Probes.Readiness, "/readyz")
	orString(&c.Probes.Liveness, "/healthz")
	orInt(&c.Probes.StartupSeconds, 60)
	c.Migration = c.Migration.withDefaults(Job{Name: migrationName, Image: c.Image, Resources: c.Resources, Retries: 6, DeadlineSeconds: 600})
	c.Followup = c.Followup.withDefaults(Job{Name: followupName, Image: c.Image, Resources: c.Resources, Retries: 100})
	return &c
}

func (j *Job) withDefaults(d Job) *Job {
	if j == nil {
		return nil
	}
	c := *j
	orString(&c.Name, d.Name)
	orString(&c.Image, d.Image)
	c.Resources = resourcesOr(c.Resources, d.Resources)
	orInt(&c.Retries, d.Retries)
	orInt(&c.DeadlineSeconds, d.DeadlineSeconds)
	return &c
}

// or fills in what is missing. The two limits go together: giving one alone
// means that the other is not wanted.
func (s Scaling) or(d Scaling) Scaling {
	if s.WindowSeconds == nil {
		s.WindowSeconds = d.WindowSeconds
	}
	if s.Percent == 0 && s.Pods == 0 {
		s.Percent, s.Pods = d.Percent, d.Pods
	}
	orInt(&s.PeriodSeconds, d.PeriodSeconds)
	return s
}

func resourcesOr(r, d Resources) Resources {
	orString(&r.CPURequest, d.CPURequest)
	orString(&r.CPULimit, d.CPULimit)
	orString(&r.Memory, d.Memory)
	return r
}

func seconds(n int) *int { return &n }

func orInt(value *int, fallback int) {
	if *value == 0 {
		*value = fallback
	}
}

func orString(value *string, fallback string) {
	if *value == "" {
		*value = fallback
	}
}
