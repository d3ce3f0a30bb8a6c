package service

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil. Values that are known only during the deployment are checked
// by Kubernetes.
func (a *Args) Validate() error {
	d := a.withDefaults()
	return settings.Err(append(d.checkImage(), settings.Validate(nil, d)...))
}

// checkImage is apart from Check, because in a stack a service may run the image of
// another one.
func (a *Args) checkImage() field.ErrorList {
	if a.Image == nil {
		return field.ErrorList{field.Required(field.NewPath("image"), "an image with a tag other than latest, or a digest")}
	}
	return nil
}

// CheckName refuses a name that New would refuse.
func CheckName(path *field.Path, name string) field.ErrorList {
	return kube.Name(path, name, longestSuffix)
}

// Check reports what the fields' ranges cannot express.
func (a *Args) Check(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if a.Port == 0 && a.ServicePort != 0 {
		errs = append(errs, field.Forbidden(path.Child("servicePort"), "has no port behind it: port is 0"))
	}
	if a.MetricsPort != 0 && a.MetricsPort == a.Port {
		errs = append(errs, field.Invalid(path.Child("metricsPort"), a.MetricsPort, "must not be port: whoever may connect there would read the metrics"))
	}
	errs = append(errs, k8s.CheckIngress(path.Child("ingressFrom"), a.IngressFrom, "port", a.Port)...)
	errs = append(errs, k8s.CheckIngress(path.Child("metricsFrom"), a.MetricsFrom, "metricsPort", a.MetricsPort)...)
	errs = append(errs, k8s.CheckEnv(path.Child("env"), a.Env)...)
	errs = append(errs, k8s.CheckMounts(path.Child("mounts"), a.Mounts)...)
	for name := range a.Env {
		if _, taken := a.BaseEnv[name]; taken {
			errs = append(errs, field.Forbidden(path.Child("env").Child(name), "is set by the stack"))
		}
	}
	errs = append(errs, a.checkTriggers(path)...)
	for i, value := range a.RestartOn {
		if value == nil {
			errs = append(errs, field.Required(path.Child("restartOn").Index(i), ""))
		}
	}
	return errs
}

// Check refuses a maximum below the minimum.
func (r *Replicas) Check(path *field.Path) field.ErrorList {
	if r.Max >= 1 && r.Min <= 1000 && r.Max < r.Min {
		return field.ErrorList{field.Invalid(path.Child("max"), r.Max, fmt.Sprintf("must be at least replicas.min %d", r.Min))}
	}
	return nil
}
