package service

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Args describe one service. A zero field means its default.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput `json:"-" pulumi:"namespace,optional"`

	// PartOf is the product that the program belongs to: label app.kubernetes.io/part-of of
	// its objects and pods. No selector uses it. Changing it rolls the pods.
	PartOf string `json:"partOf" pulumi:"partOf,optional" default:"scalestack" format:"label"`

	// Image of the program, with a tag other than latest or a digest.
	Image pulumi.StringInput `json:"image" pulumi:"image" format:"image"`

	// ImagePullPolicy says when nodes fetch the image.
	ImagePullPolicy pulumi.StringInput `json:"imagePullPolicy" pulumi:"imagePullPolicy,optional" default:"IfNotPresent" enum:"IfNotPresent,Always,Never"`

	// PullSecret is the Secret in Namespace with which nodes pull the image: the
	// service's pods, and those of its Jobs, have an account of their own. Default:
	// none.
	PullSecret string `json:"-" pulumi:"pullSecret,optional" format:"label"`

	// Resolvers are the cluster's DNS servers, the only ones that the pods may ask, on port 53.
	// Default: any.
	Resolvers []k8s.Peer `json:"-" pulumi:"resolvers,optional"`

	// Command replaces the image's entry point. Default: the image's.
	Command []string `json:"command" pulumi:"command,optional"`

	// Args are given to the entry point.
	Args []string `json:"args" pulumi:"args,optional"`

	// User is the numeric user and group that the program runs as. The default is
	// "nonroot" of the common static images.
	User int `json:"user" pulumi:"user,optional" default:"65532" min:"1" max:"65535"`

	// Port where the program listens. 0 is for a program that nobody connects to; it gets
	// no Service.
	Port int `json:"port" pulumi:"port,optional" min:"0" max:"65535"`

	// ServicePort is the Service's port in front of Port. Default: 80.
	ServicePort int `json:"servicePort" pulumi:"servicePort,optional" min:"1" max:"65535"`

	// MetricsPort is where the program serves /metrics; 0 is for a program that serves
	// none. It is a port of its own that no Service leads to, so that whoever may connect
	// to Port cannot read the metrics.
	MetricsPort int `json:"metricsPort" pulumi:"metricsPort,optional" min:"0" max:"65535"`

	// MetricsFrom may connect to MetricsPort, in addition to the kubelet with its probes.
	// Default: nobody.
	MetricsFrom []k8s.Peer `json:"metricsFrom" pulumi:"metricsFrom,optional"`

	// HealthPort answers the probes. Default: MetricsPort, else Port, else 8080.
	HealthPort int `json:"healthPort" pulumi:"healthPort,optional" min:"1" max:"65535"`

	// Env holds environment variables. They are visible in the pod's description, so put
	// passwords in a mount. A value may refer to a variable that the stack sets as $(NAME).
	Env map[string]pulumi.StringInput `json:"env" pulumi:"env,optional"`

	// BaseEnv are variables that Env may refer to, set by the stack.
	BaseEnv map[string]pulumi.StringInput `json:"-"`

	// Mounts are folders with settings, credentials or writable space.
	Mounts []k8s.Mount `json:"mounts" pulumi:"mounts,optional"`

	// Resources of each pod. The autoscaler's percentage refers to the CPU request.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional" default:"{\"cpuRequest\":\"100m\",\"cpuLimit\":\"500m\",\"memory\":\"128Mi\"}"`

	// Replicas limits the number of pods.
	Replicas Replicas `json:"replicas" pulumi:"replicas,optional"`

	// CPUTargetPercent is the average CPU use that the autoscaler aims for, in percent of
	// the CPU request.
	CPUTargetPercent int `json:"cpuTargetPercent" pulumi:"cpuTargetPercent,optional" default:"60" min:"1" max:"100"`

	// Metrics are further metrics to scale on; the one that asks for the most pods wins.
	// Default: CPU alone.
	Metrics []Metric `json:"metrics" pulumi:"metrics,optional"`

	// Triggers scale the service on more than CPU, through KEDA. They exclude Metrics.
	// Default: none.
	Triggers *Triggers `json:"triggers" pulumi:"triggers,optional"`

	// Sources are where Triggers are read from.
	Sources Sources `json:"-" pulumi:"sources,optional"`

	// Look asks the cluster for an object, to see whether KEDA scales by Triggers as they are
	// now: if it does not within two minutes, the deployment fails with what KEDA says.
	// Default: nobody asks, and a deployment only waits for KEDA when the triggers are new.
	Look LookFunc `json:"-"`

	// Behavior limits how fast the number of pods changes.
	Behavior Behavior `json:"behavior" pulumi:"behavior,optional"`

	// Probes are the paths at which Kubernetes checks the program's health.
	Probes Probes `json:"probes" pulumi:"probes,optional"`

	// PreStop is a command that runs in the container before SIGTERM is sent. Default:
	// none, see the package documentation.
	PreStop []string `json:"preStop" pulumi:"preStop,optional"`

	// TerminationGraceSeconds is the time from the stop request to SIGKILL. It must be
	// longer than PreStop and the program's own drain; the default is for a drain of 20 s
	// and the longest request.
	TerminationGraceSeconds int `json:"terminationGraceSeconds" pulumi:"terminationGraceSeconds,optional" default:"45" min:"1" max:"3600"`

	// IngressFrom may connect to Port. Default: nobody.
	IngressFrom []k8s.Peer `json:"ingressFrom" pulumi:"ingressFrom,optional"`

	// EgressTo lists the ports to which the program may connect, in addition to DNS.
	// Default: none.
	EgressTo []k8s.Target `json:"egressTo" pulumi:"egressTo,optional"`

	// RestartOn rolls the pods when one of these values changes: for settings that the
	// program reads only at its start. Only a hash is kept.
	RestartOn []pulumi.StringInput `json:"-" pulumi:"restartOn,optional"`

	// After are what the migration and the Deployment come after. A value of another
	// resource's output would order them too, but Pulumi replaces a Deployment, and stops
	// the service, whenever it replaces a Job whose output the Deployment uses.
	After []pulumi.Resource `json:"-"`

	// Opened are policies of others that open the pods' ports or let them connect. The
	// component's own policy changes after them, as it may close what they open.
	Opened []pulumi.Resource `json:"-"`

	// Migration runs to its end before each rollout. Default: none.
	Migration *job.Args `json:"migration" pulumi:"migration,optional"`

	// PostRollout starts after a rollout. No deployment waits for its end, so it must be
	// safe to stop and to restart at any time: the next deployment may replace it, and
	// after its last retry nobody starts it again. Default: none.
	PostRollout *job.Args `json:"postRollout" pulumi:"postRollout,optional" default:"{\"retries\":100}"`
}

// Replicas limits the number of pods.
type Replicas struct {
	// Min is the number of pods without load. The default leaves two pods when one node is
	// lost.
	Min int `json:"min" pulumi:"min,optional" default:"3" min:"1" max:"1000"`
	// Max is the number of pods under the heaviest load, at least Min. Connections to each
	// database grow with it. Default: 10, or Min if that is more.
	Max int `json:"max" pulumi:"max,optional" min:"1" max:"1000"`
}

// Probes are HTTP GETs on HealthPort. A status below 400 is healthy.
type Probes struct {
	// Readiness path: may this pod get traffic?
	Readiness string `json:"readiness" pulumi:"readiness,optional" default:"/readyz" format:"path"`
	// Liveness path: must this pod be restarted? It must not depend on a database, or the
	// database's trouble restarts every pod.
	Liveness string `json:"liveness" pulumi:"liveness,optional" default:"/healthz" format:"path"`
	// StartupSeconds is how long the first healthy answer to Liveness may take. Above the
	// default, the time limit of a rollout grows with it.
	StartupSeconds int `json:"startupSeconds" pulumi:"startupSeconds,optional" default:"60" min:"2" max:"3600"`
}

// withDefaults returns a copy with every default filled in.
func (a *Args) withDefaults() *Args {
	c := settings.WithDefaults(a)
	c.Namespace = kube.Namespace(c.Namespace)
	return c
}

// Complete fills in the defaults that depend on other fields.
func (a *Args) Complete() {
	if a.Port != 0 && a.ServicePort == 0 {
		a.ServicePort = 80
	}
	if a.HealthPort == 0 {
		a.HealthPort = cmp.Or(a.MetricsPort, a.Port, 8080)
		if a.HealthPort > 65535 {
			// One message for one mistake, where it was made.
			a.HealthPort = 8080
		}
	}
	if a.PostRollout != nil {
		a.PostRollout.SkipAwait = true
	}
	a.completeTriggers()
}

// Complete lets a larger minimum raise the default of the maximum.
func (r *Replicas) Complete() {
	if r.Max == 0 {
		r.Max = max(10, r.Min)
	}
}

// inherited are the values that a Job of this service takes from it.
func (a *Args) inherited() job.Args {
	return job.Args{
		Namespace: a.Namespace, Image: a.Image, ImagePullPolicy: a.ImagePullPolicy, Resolvers: a.Resolvers, User: a.User,
		Resources: a.Resources, TerminationGraceSeconds: a.TerminationGraceSeconds,
	}
}
