package job

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Args describe a program that runs to its end. A zero field means its default,
// which for the Job of a service is the service's own value.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput `json:"-" pulumi:"namespace,optional"`
	// Image of the program. Required for a Job of its own. Default: the service's.
	Image pulumi.StringInput `json:"image" pulumi:"image,optional" format:"image"`
	// ImagePullPolicy says when nodes fetch the image. Default: IfNotPresent, or the
	// service's.
	ImagePullPolicy pulumi.StringInput `json:"imagePullPolicy" pulumi:"imagePullPolicy,optional" enum:"IfNotPresent,Always,Never"`
	// PullSecret is the Secret in Namespace with which nodes pull the image of a Job of
	// its own; that of a service runs under the service's account. Default: none.
	PullSecret string `json:"-" format:"label"`
	// Resolvers are the cluster's DNS servers, the only ones that the pods may ask, on port 53.
	// Default: any, or the service's.
	Resolvers []k8s.Peer `json:"-" pulumi:"resolvers,optional"`
	// Command replaces the image's entry point. Default: the image's.
	Command []string `json:"command" pulumi:"command,optional"`
	// Args are given to the entry point.
	Args []string `json:"args" pulumi:"args,optional"`
	// User is the numeric user and group that the program runs as. Default: 65532, or
	// the service's.
	User int `json:"user" pulumi:"user,optional" min:"1" max:"65535"`
	// Revision is any string. Changing it runs the Job again.
	Revision string `json:"revision" pulumi:"revision,optional"`
	// RestartOn is any value. Changing it runs the Job again, as Revision does; it is
	// known only during the deployment, and must be no secret. Default: none.
	RestartOn pulumi.StringInput `json:"-" pulumi:"restartOn,optional"`
	// Env are environment variables, which show in the pod's description.
	Env map[string]pulumi.StringInput `json:"env" pulumi:"env,optional"`
	// After are what the Job comes after. A value of another resource's output would
	// order them too, but whoever uses one is replaced together with that resource.
	After []pulumi.Resource `json:"-"`
	// BaseEnv are variables that Env may refer to as $(NAME), set by the stack.
	BaseEnv map[string]pulumi.StringInput `json:"-"`
	// Mounts are folders with settings, credentials or writable space.
	Mounts []k8s.Mount `json:"mounts" pulumi:"mounts,optional"`
	// EgressTo lists the ports to which the Job may connect, in addition to DNS.
	EgressTo []k8s.Target `json:"egressTo" pulumi:"egressTo,optional"`
	// Port where the program serves metrics while it runs; 0 serves none. It gets no
	// Service and no probes.
	Port int `json:"port" pulumi:"port,optional" min:"0" max:"65535"`
	// IngressFrom may connect to Port. Default: nobody.
	IngressFrom []k8s.Peer `json:"ingressFrom" pulumi:"ingressFrom,optional"`
	// Resources of the pod. Default: 100m requested, 500m limit and 128Mi, or the
	// service's.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional"`
	// Retries of a failed pod, with pauses that grow to 6 minutes. Default: 6, which
	// gives a database that starts at the same time a few minutes.
	Retries int `json:"retries" pulumi:"retries,optional" min:"1" max:"1000"`
	// FinalExitCodes end the Job at once, because another attempt would fail the same way.
	// Do not use them for a Job that a deployment waits for: Pulumi's wait ends early only
	// when the retries or the time are used up. Default: none.
	FinalExitCodes []int `json:"finalExitCodes" pulumi:"finalExitCodes,optional" min:"1" max:"255"`
	// DeadlineSeconds limits how long the Job runs, retries included. A deployment that
	// waits for the Job waits a minute longer. Default: 600 for a Job that is waited for,
	// otherwise no limit.
	DeadlineSeconds int `json:"deadlineSeconds" pulumi:"deadlineSeconds,optional" min:"10" max:"86400"`
	// SkipAwait lets the deployment go on without waiting for the Job's end. Such a
	// Job must be safe to end and to start again at any time: the next deployment may
	// replace it.
	SkipAwait bool `json:"-"`
	// TerminationGraceSeconds is the time from the stop request to SIGKILL. Default:
	// 45, or the service's.
	TerminationGraceSeconds int `json:"terminationGraceSeconds" pulumi:"terminationGraceSeconds,optional" min:"1" max:"3600"`
}

// standalone are the defaults of a Job that belongs to no service.
func standalone() Args {
	return Args{
		ImagePullPolicy:         pulumi.String("IfNotPresent"),
		User:                    65532,
		Resources:               k8s.Resources{CPURequest: "100m", CPULimit: "500m", Memory: "128Mi"},
		TerminationGraceSeconds: 45,
	}
}

// Inherit returns a copy that takes from another's arguments what was left out: the
// image and its pull policy, the resolvers, the user, the resources and the grace period.
func (a *Args) Inherit(from Args) *Args {
	c := *a
	c.Namespace = kube.Namespace(cmp.Or(c.Namespace, from.Namespace))
	c.Image = cmp.Or(c.Image, from.Image)
	c.ImagePullPolicy = cmp.Or(c.ImagePullPolicy, from.ImagePullPolicy)
	c.User = cmp.Or(c.User, from.User)
	c.TerminationGraceSeconds = cmp.Or(c.TerminationGraceSeconds, from.TerminationGraceSeconds)
	c.Resources = k8s.Resources{
		CPURequest: cmp.Or(c.Resources.CPURequest, from.Resources.CPURequest),
		CPULimit:   cmp.Or(c.Resources.CPULimit, from.Resources.CPULimit),
		Memory:     cmp.Or(c.Resources.Memory, from.Resources.Memory),
	}
	if c.Resolvers == nil {
		c.Resolvers = from.Resolvers
	}
	c.Retries = cmp.Or(c.Retries, 6)
	if !c.SkipAwait {
		c.DeadlineSeconds = cmp.Or(c.DeadlineSeconds, 600)
	}
	return &c
}

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil.
func (a *Args) Validate() error {
	return settings.Err(settings.Validate(nil, settings.WithDefaults(a)))
}

// Check reports what the fields' ranges cannot express.
func (a *Args) Check(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	errs = append(errs, k8s.CheckEnv(path.Child("env"), a.Env)...)
	errs = append(errs, k8s.CheckMounts(path.Child("mounts"), a.Mounts)...)
	errs = append(errs, k8s.CheckIngress(path.Child("ingressFrom"), a.IngressFrom, "port", a.Port)...)
	if len(a.FinalExitCodes) > 0 && !a.SkipAwait {
		errs = append(errs, field.Invalid(path.Child("finalExitCodes"), a.FinalExitCodes,
			"would leave Pulumi waiting for the whole deadline: give fewer retries"))
	}
	return errs
}
