package app

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

type (
	// Resources are a container's CPU and memory.
	Resources = kube.Resources
	// Peer is who may call the program.
	Peer = kube.Peer
	// Target is a server that the program calls.
	Target = kube.Target
)

// Args describe one program. Image is required; a zero field means its default.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput

	// Image of the program, with a tag other than latest or a digest.
	Image string

	// ImagePullPolicy is IfNotPresent, Always or Never. Default: IfNotPresent.
	ImagePullPolicy string

	// Command replaces the image's entry point. Default: the image's.
	Command []string

	// Args are given to the entry point.
	Args []string

	// User is the numeric user and group the program runs as, 1 to 65535.
	// Default: 65532, "nonroot" in the common static images.
	User int

	// Port where the program serves its callers, 1 to 65535. 0 is for a
	// program that nobody calls: it gets no Service.
	Port int

	// ServicePort is the Service's port in front of Port. Default: 80.
	ServicePort int

	// HealthPort answers the probes. Default: Port, or 8080 if that is 0.
	HealthPort int

	// Env are environment variables. They show in the pod's description, so a
	// password belongs in a Mount.
	Env map[string]pulumi.StringInput

	// Mounts are folders with settings, credentials or scratch space.
	Mounts []Mount

	// Resources of each pod. The autoscaler's percentage refers to CPURequest.
	// Default: 100m requested, 500m limit, 128Mi.
	Resources Resources

	// Replicas bound the autoscaler.
	Replicas Replicas

	// CPUTargetPercent is the average CPU use, in percent of CPURequest, that
	// the autoscaler aims at, 1 to 100. Default: 60.
	CPUTargetPercent int

	// Metrics are further reasons to scale; the one that asks for the most pods
	// wins. Default: CPU alone.
	Metrics []Metric

	// Behavior limits how fast the number of pods changes.
	Behavior Behavior

	// Probes say how Kubernetes asks the program about its health.
	Probes Probes

	// PreStop is a command run in the container before SIGTERM is sent. Default:
	// none, see the package documentation.
	PreStop []string

	// TerminationGraceSeconds is the time from the stop request to SIGKILL, 1
	// to 3600. It must exceed PreStop and the program's own drain. Default: 45,
	// for a drain of 20 s and the longest request.
	TerminationGraceSeconds int

	// Callers may open connections to Port. Default: nobody.
	Callers []Peer

	// Targets are the servers the program calls. DNS is always allowed.
	// Default: none.
	Targets []Target

	// RestartOn rolls the pods when one of these values changes: for settings
	// that the program reads only at its start. Only a hash is kept.
	RestartOn []pulumi.StringInput

	// Migration runs to its end before each rollout. Default: none.
	Migration *Job

	// Followup starts when a rollout is done. No deployment waits for its end, so
	// it must be safe to end and to start again at any time: the next deployment
	// may replace it, and after its last retry nobody starts it again. Default:
	// none.
	Followup *Job
}

// Replicas bound the number of pods.
type Replicas struct {
	// Min is what runs without load, 1 to 1000. Default: 3, so that losing one
	// node leaves two.
	Min int
	// Max is what the heaviest load gets, Min to 1000. Connections to each
	// database grow with it. Default: 10.
	Max int
}

// Probes are HTTP GETs on HealthPort. A status below 400 is healthy.
type Probes struct {
	// Readiness path: may this pod get traffic? Default: /readyz.
	Readiness string
	// Liveness path: must this pod be restarted? It must not ask a database,
	// or the database's trouble restarts every pod. Default: /healthz.
	Liveness string
	// StartupSeconds until the first healthy answer to Liveness, 2 to 3600.
	// Default: 60.
	StartupSeconds int
}

// Mount puts one source into one folder. Exactly one of ConfigMap, Secret,
// Secrets and Scratch is set. All but Scratch are read-only, and their files
// change in place when the source does.
type Mount struct {
	// Name of the volume, a DNS label, unique in its pod.
	Name string
	// Path of the folder, absolute.
	Path string
	// ConfigMap becomes one file per key.
	ConfigMap pulumi.StringInput
	// Secret becomes one file per key.
	Secret pulumi.StringInput
	// Secrets become files at chosen places below Path.
	Secrets []SecretFiles
	// Scratch is the size limit of an empty writable folder, for example
	// "64Mi". The root file system is read-only.
	Scratch string
}

// SecretFiles place some keys of one Secret.
type SecretFiles struct {
	// Secret is the Secret's name.
	Secret pulumi.StringInput
	// Files maps a key of the Secret to a file below the mount, for example
	// "password" to "shard-0/password".
	Files map[string]string
}

// Job is a program that runs to its end. Its name carries a
// hash of image, command, arguments and Revision, so that a change of any makes
// a new Job and everything else leaves the old one alone.
type Job struct {
	// Name stands between the component's and the hash, 1 to 7 lower-case
	// letters, digits and '-'. Default: "migrate" or "follow".
	Name string
	// Image of the Job, with a tag other than latest or a digest. Default: the
	// component's.
	Image string
	// Command replaces the image's entry point. Default: the image's.
	Command []string
	// Args are given to the entry point.
	Args []string
	// Revision is what else asks for a new run, for example the name of the
	// shard map. Any text.
	Revision string
	// Env are the Job's own environment variables; Args.Env is not used.
	Env map[string]pulumi.StringInput
	// Mounts are the Job's own folders; Args.Mounts are not used.
	Mounts []Mount
	// Targets are the servers the Job calls. DNS is always allowed.
	Targets []Target
	// Port where the program serves its metrics while it runs, 1 to 65535. 0 is
	// for one that serves none. It gets no Service and no probes: nothing waits
	// until it is ready, and what it is there for is to end.
	Port int
	// Callers may open connections to Port. Default: nobody.
	Callers []Peer
	// Resources of the Job's pod. Default: those of Args.
	Resources Resources
	// Retries of a failed pod, 1 to 1000, with pauses that grow to 6 minutes: a
	// database that starts at the same time needs some. Default: 6 for the
	// migration, 100 for the follow-up, some ten hours.
	Retries int
	// FinalExitCodes, 1 to 255, end the Job at once: another attempt would fail
	// the same way, and a person is to look sooner. Not for a migration: Pulumi's
	// wait ends early only for a Job that has used up its retries or its time.
	// Default: none.
	FinalExitCodes []int
	// DeadlineSeconds ends the Job, retries included, 10 to 86400. Default: 600
	// for the migration, none for the follow-up.
	DeadlineSeconds int
}
