package postgres

import (
	"fmt"
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

// memberPod makes the pod of a member out of that of a single server: Patroni runs in
// place of the server, and a second container keeps the roles.
func memberPod(p plan, spec *corev1.PodSpecArgs) *corev1.PodSpecArgs {
	spec.ServiceAccountName = pulumi.String(p.object())
	spec.AutomountServiceAccountToken = pulumi.Bool(true)
	spec.InitContainers = corev1.ContainerArray{prepareContainer(p)}
	spec.Containers = corev1.ContainerArray{patroniContainer(p), rolesContainer(p)}
	spec.Volumes = append(spec.Volumes.(corev1.VolumeArray), patroniVolume(p))
	spec.Affinity = apart(p)
	if p.TLS != nil {
		spec.Containers = append(spec.Containers.(corev1.ContainerArray), tlsContainer(p))
	}
	return spec
}

func memberLabels(p plan) pulumi.StringMap {
	return pulumi.StringMap{memberLabel: pulumi.String("member-" + strconv.Itoa(p.member))}
}

// podLabels are those of the pods. Patroni changes the role; a pod begins as one that
// nobody writes to.
func (p plan) podLabels() pulumi.StringMap {
	labels := p.labels().All()
	if p.replicated() {
		labels[memberLabel] = memberLabels(p)[memberLabel]
		labels[roleLabel] = pulumi.String("replica")
	}
	return labels
}

// selector is the StatefulSet's. It never changes: that of the first member is what it
// was before there were others, whose pods it does not own.
func (p plan) selector() pulumi.StringMap {
	selector := p.labels().Selector()
	if p.member > 0 {
		selector[memberLabel] = memberLabels(p)[memberLabel]
	}
	return selector
}

func prepareContainer(p plan) *corev1.ContainerArgs {
	c := container(p, "prepare", "sh", configPath+"/prepare.sh")
	c.Env = append(c.Env.(corev1.EnvVarArray), env("CONFIG", configPath), env("SCOPE", p.object()),
		env("MEMBER", strconv.Itoa(p.member)), fieldEnv("NAMESPACE", "metadata.namespace"), podEnv(), env("PATRONI", patroniPath))
	c.Env = append(c.Env.(corev1.EnvVarArray), trustEnv(p)...)
	c.VolumeMounts = append(c.VolumeMounts.(corev1.VolumeMountArray), kube.ReadOnlyMount("patroni", patroniPath))
	return c
}

// patroniContainer needs no command to stop: Patroni ends sessions, writes a checkpoint
// and gives the lock to a standby when it is told to end.
func patroniContainer(p plan) *corev1.ContainerArgs {
	c := container(p, "postgres", locked("patroni", patroniFolder(p))...)
	c.Env = append(c.Env.(corev1.EnvVarArray),
		fieldEnv("PATRONI_NAME", "metadata.name"),
		fieldEnv("PATRONI_KUBERNETES_NAMESPACE", "metadata.namespace"),
		fieldEnv("PATRONI_KUBERNETES_POD_IP", "status.podIP"),
		connectAddress(p, "PATRONI_POSTGRESQL_CONNECT_ADDRESS", Port),
		connectAddress(p, "PATRONI_RESTAPI_CONNECT_ADDRESS", restPort),
		env("PATRONICTL_CONFIG_FILE", patroniPath),
		env("HOME", "/tmp"),
	)
	c.Ports = corev1.ContainerPortArray{kube.ContainerPort("postgres", Port), kube.ContainerPort("patroni", restPort)}
	c.VolumeMounts = append(mounts(p), kube.ReadOnlyMount("patroni", patroniPath))
	c.StartupProbe = restProbe(p, "/liveness", 2, 300)
	c.ReadinessProbe = restProbe(p, "/readiness", 5, 2)
	// A loop that stands still for a whole lock is restarted; a server that only
	// replays its log is not.
	c.LivenessProbe = restProbe(p, "/liveness", 10, 6)
	return c
}

// connectAddress is where the other members find the server and its Patroni. Their
// certificate is for a name, and pods change their addresses.
func connectAddress(p plan, name string, port int) *corev1.EnvVarArgs {
	if p.TLS == nil {
		return env(name, fmt.Sprintf("$(PATRONI_KUBERNETES_POD_IP):%d", port))
	}
	return &corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.Sprintf("%s:%d", p.podName(), port)}
}

// restProbe asks Patroni. The kubelet takes any certificate.
func restProbe(p plan, path string, period, failures int) *corev1.ProbeArgs {
	get := &corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.Int(restPort)}
	if p.TLS != nil {
		get.Scheme = pulumi.String("HTTPS")
	}
	return &corev1.ProbeArgs{
		HttpGet: get, PeriodSeconds: pulumi.Int(period), TimeoutSeconds: pulumi.Int(5), FailureThreshold: pulumi.Int(failures),
	}
}

const aliveFile = "/tmp/roles-alive"

// rolesContainer is ready once the roles are there, so the first member of a new shard is.
func rolesContainer(p plan) *corev1.ContainerArgs {
	c := container(p, "roles", "sh", configPath+"/roles.sh")
	c.Env = append(c.Env.(corev1.EnvVarArray),
		env("DATABASE", Database(p.id)), env("CREDENTIALS", credentialsPath), env("CONFIG", configPath),
		env("SOCKET", socketPath), env("ALIVE", aliveFile), env("EXCESS", excess(p.Args)),
		env("MEMBERS", strconv.Itoa(p.Members)), podEnv(), env("PATRONI", patroniPath), fieldEnv("NAMESPACE", "metadata.namespace"))
	c.Resources = kube.Resources(k8s.Resources{CPURequest: "10m", CPULimit: "200m", Memory: "64Mi"})
	c.VolumeMounts = corev1.VolumeMountArray{
		kube.ReadOnlyMount("config", configPath), kube.Mount("run", socketPath), kube.Mount("tmp", "/tmp"),
		kube.ReadOnlyMount("patroni", patroniPath), kube.ReadOnlyMount("data", volumePath),
		kube.ReadOnlyMount("admin-credentials", credentialsPath+"/admin"),
		kube.ReadOnlyMount("app-credentials", credentialsPath+"/app"),
	}
	c.ReadinessProbe = probe("test -s "+aliveFile, 5, 3)
	// It waits for the server, which may take an hour to replay its log.
	c.LivenessProbe = kube.Lately(aliveFile, 3600)
	return c
}

func patroniVolume(p plan) *corev1.VolumeArgs {
	file := func(key, path string) corev1.KeyToPathArray {
		return corev1.KeyToPathArray{&corev1.KeyToPathArgs{Key: pulumi.String(key), Path: pulumi.String(path)}}
	}
	return &corev1.VolumeArgs{
		Name: pulumi.String("patroni"),
		Projected: &corev1.ProjectedVolumeSourceArgs{
			DefaultMode: pulumi.Int(0o440),
			Sources: corev1.VolumeProjectionArray{
				&corev1.VolumeProjectionArgs{ConfigMap: &corev1.ConfigMapProjectionArgs{
					Name: pulumi.String(p.configMap()), Items: file("patroni.yml", "10-patroni.yml"),
				}},
				&corev1.VolumeProjectionArgs{Secret: &corev1.SecretProjectionArgs{
					Name: pulumi.String(p.secret(patroniCredentials)), Items: file(patroniLogins, "20-passwords.yml"),
				}},
			},
		},
	}
}

// apart prefers nodes and zones of their own for the members of one shard, or insists on
// the nodes. The spread of all shards has the topology keys already, each of which a pod
// can have once.
func apart(p plan) *corev1.AffinityArgs {
	rule := &corev1.PodAntiAffinityArgs{}
	if p.RequireSpread {
		rule.RequiredDuringSchedulingIgnoredDuringExecution = corev1.PodAffinityTermArray{siblings(p, nodeKey)}
	}
	preferred := corev1.WeightedPodAffinityTermArray{}
	for _, key := range topologyKeys {
		preferred = append(preferred, &corev1.WeightedPodAffinityTermArgs{Weight: pulumi.Int(100), PodAffinityTerm: siblings(p, key)})
	}
	rule.PreferredDuringSchedulingIgnoredDuringExecution = preferred
	return &corev1.AffinityArgs{PodAntiAffinity: rule}
}

func siblings(p plan, topologyKey string) *corev1.PodAffinityTermArgs {
	return &corev1.PodAffinityTermArgs{TopologyKey: pulumi.String(topologyKey), LabelSelector: kube.Match(p.labels().Selector())}
}

func fieldEnv(name, path string) *corev1.EnvVarArgs {
	return &corev1.EnvVarArgs{
		Name:      pulumi.String(name),
		ValueFrom: &corev1.EnvVarSourceArgs{FieldRef: &corev1.ObjectFieldSelectorArgs{FieldPath: pulumi.String(path)}},
	}
}
