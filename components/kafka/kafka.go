package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	helmv4 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v4"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/settings"
)

// fieldManager owns the fields of what a later deployment is to find and adopt.
const fieldManager = "scalestack"

// longestSuffix is what Strimzi puts behind the cluster's name in a Service.
const longestSuffix = "-kafka-bootstrap"

// Kafka is a Strimzi cluster: its Kafka, node pools, topics, users and network
// policies, and the operator if it is to be installed.
type Kafka struct {
	pulumi.ResourceState

	// Bootstrap is "host:port" for clients with a password. With WaitReady it is
	// known once the cluster is ready.
	Bootstrap pulumi.StringOutput `pulumi:"bootstrap"`
	// BootstrapMTLS is "host:port" for clients with a certificate; empty without
	// Args.MutualTLS.
	BootstrapMTLS pulumi.StringOutput `pulumi:"bootstrapMTLS"`
	// CASecret is the Secret with the certificate authority. Mount the whole Secret and
	// trust every "*.crt" in it: after the authority's key was replaced, the brokers
	// present certificates of both the old and the new one for a while.
	CASecret pulumi.StringOutput `pulumi:"caSecret"`
	// UserSecrets maps each user to its Secret, whose name is the cluster's, "-user-"
	// and the user's, so that no user can take over another object's: keys "password"
	// and "sasl.jaas.config", or "user.crt" and "user.key" with certificates.
	UserSecrets pulumi.StringMapOutput `pulumi:"userSecrets"`
	// Pools are the names of the pools that hold data and are kept, sorted. The policy
	// kafka-kept compares the next deployment with them.
	Pools pulumi.StringArrayOutput `pulumi:"pools"`
	// Topics are the names of those that are kept, sorted, for the same policy.
	Topics pulumi.StringArrayOutput `pulumi:"topics"`
}

// New registers the cluster. The name becomes the name of the Kafka resource: up
// to 47 lower-case letters, digits and '-'.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Kafka, error) {
	a := args.withDefaults()
	if err := errors.Join(kube.Check(name, longestSuffix, a), settings.Err(a.CheckNodes(nil, name))); err != nil {
		return nil, err
	}
	k := &Kafka{}
	r := &registrar{ctx: ctx, name: name, args: a, kafka: k, before: slices.Clone(a.Opened)}
	guard, err := r.guard("kept", keptChange)
	if err != nil {
		return nil, err
	}
	if err := ctx.RegisterComponentResourceV2("scalestack:kafka:Kafka", name, a.kept(), k, append(opts, guard)...); err != nil {
		return nil, err
	}
	for _, step := range []func() error{r.policies, r.operator, r.metrics, r.pools, r.cluster, r.topics, r.users} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("kafka %s: %w", name, err)
		}
	}
	return k, ctx.RegisterResourceOutputs(k, component.Outputs(k))
}

// registrar registers the objects in dependency order.
type registrar struct {
	ctx   *pulumi.Context
	name  string
	args  *Args
	kafka *Kafka
	// before is what the next object waits for, and outlives on destroy.
	before []pulumi.Resource
}

func (r *registrar) policies() error {
	own := nodesOf(r.name)
	err := r.policy(r.name, clusterLabels(r.name), own)
	if err == nil && r.args.Operator.Mode == Install {
		if r.args.Operator.WatchAllNamespaces {
			own = allNodes()
		}
		err = r.policy(r.name+"-operator", operatorLabels, own)
	}
	return err
}

func (r *registrar) policy(name string, pods pulumi.StringMap, nodes *networkingv1.NetworkPolicyPeerArgs) error {
	args := egressPolicy(name, r.name, pods, nodes, r.args)
	policy, err := networkingv1.NewNetworkPolicy(r.ctx, name+"-policy", args, pulumi.Parent(r.kafka))
	r.before = append(r.before, policy)
	return err
}

func (r *registrar) operator() error {
	if r.args.Operator.Mode != Install {
		return nil
	}
	guard, err := r.installationGuard()
	if err != nil {
		return err
	}
	chart, err := helmv4.NewChart(r.ctx, r.name+"-operator", operatorChart(r.args),
		pulumi.Parent(r.kafka), pulumi.DependsOn(r.before),
		pulumi.Transforms([]pulumi.ResourceTransform{keepClusterWide(r.args.Namespace, guard)}))
	r.before = append(r.before, chart)
	return err
}

func (r *registrar) metrics() error {
	if !r.args.Metrics {
		return nil
	}
	rules, err := corev1.NewConfigMap(r.ctx, r.name+"-metrics", metricsConfigMap(r.name, r.args.Namespace), pulumi.Parent(r.kafka))
	r.before = append(r.before, rules)
	return err
}

// pools are not waited for: a pool has nodes only once its Kafka exists.
func (r *registrar) pools() error {
	var all []pulumi.Resource
	guard, err := r.guard("pool", poolChange)
	if err != nil {
		return err
	}
	for _, p := range r.args.Pools {
		options := append(r.args.keep(r.args.letsGo(p)), guard)
		pool, err := r.custom("KafkaNodePool", "pool-"+p.Name, p.Name, poolSpec(r.name, r.args, p), nil, options...)
		if err != nil {
			return err
		}
		all = append(all, pool)
	}
	r.before = append(r.before, all...)
	return nil
}

func (r *registrar) cluster() error {
	guard, err := r.guard("cluster", clusterChange)
	if err != nil {
		return err
	}
	explained, err := r.explained("cluster")
	if err != nil {
		return err
	}
	cluster, err := r.custom("Kafka", "cluster", r.name, clusterSpec(r.name, r.args), r.awaited(clusterAnnotations(r.args)),
		append(r.args.keep(false), guard, explained)...)
	if err != nil {
		return err
	}
	r.before = append(r.before, cluster)
	created := cluster.Metadata.Name().Elem()
	host := pulumi.Sprintf("%s-kafka-bootstrap.%s.svc", created, r.args.Namespace)
	r.kafka.Bootstrap = pulumi.Sprintf("%s:%d", host, Port)
	r.kafka.BootstrapMTLS = pulumi.String("").ToStringOutput()
	if r.args.MutualTLS {
		r.kafka.BootstrapMTLS = pulumi.Sprintf("%s:%d", host, mtlsPort)
	}
	r.kafka.CASecret = pulumi.Sprintf("%s-cluster-ca-cert", created)
	r.kafka.Pools = pulumi.ToStringArray(r.args.keptPools()).ToStringArrayOutput()
	r.kafka.Topics = pulumi.ToStringArray(r.args.keptTopics()).ToStringArrayOutput()
	return nil
}

// clusterAnnotations enables what Strimzi did not always do, and tells the next
// deployment what there is.
func clusterAnnotations(a *Args) pulumi.StringMap {
	all := pulumi.StringMap{
		"strimzi.io/kraft":      pulumi.String("enabled"),
		"strimzi.io/node-pools": pulumi.String("enabled"),
		PoolsAnnotation:         pulumi.String(strings.Join(a.keptPools(), ",")),
		TopicsAnnotation:        pulumi.String(strings.Join(a.keptTopics(), ",")),
		ControllersAnnotation:   pulumi.String(strconv.Itoa(a.count(Controller))),
	}
	if released := slices.Sorted(slices.Values(a.Removed.Messages)); len(released) > 0 {
		all[MessagesAnnotation] = pulumi.String(strings.Join(released, ","))
	}
	return all
}

func (r *registrar) topics() error {
	guard, err := r.guard("topic", topicChange)
	if err != nil {
		return err
	}
	explained, err := r.explained("topic")
	if err != nil {
		return err
	}
	for _, t := range r.args.Topics {
		name := objectName(t.Name)
		options := append(r.args.keep(r.args.releasesTopic(t.Name)), guard, explained)
		if _, err := r.custom("KafkaTopic", "topic-"+name, name, topicSpec(t), r.awaited(topicAnnotations(r.args, t)), options...); err != nil {
			return err
		}
	}
	return nil
}

// topicAnnotations tell the next deployment that the topic's messages may go.
func topicAnnotations(a *Args, t Topic) pulumi.StringMap {
	if !a.releasesMessages(t.Name) {
		return nil
	}
	return pulumi.StringMap{MessagesAnnotation: pulumi.String(t.Name)}
}

func (r *registrar) users() error {
	secrets := pulumi.StringMap{}
	explained, err := r.explained("user")
	if err != nil {
		return err
	}
	for _, u := range r.args.Users {
		user, err := r.custom("KafkaUser", "user-"+u.Name, u.Name, userSpec(u), r.awaited(nil), explained)
		if err != nil {
			return err
		}
		secrets[u.Name] = pulumi.Sprintf("%s%s", secretPrefix(r.name), user.Metadata.Name().Elem())
	}
	r.kafka.UserSecrets = secrets.ToStringMapOutput()
	return nil
}

// custom registers one of Strimzi's resources, after all that came before.
func (r *registrar) custom(kind, suffix, name string, spec object, annotations pulumi.StringMap,
	options ...pulumi.ResourceOption,
) (*apiextensions.CustomResource, error) {
	labels := kube.Labels{Name: "kafka", Instance: r.name}
	meta := labels.Meta(name, r.args.Namespace)
	meta.Annotations = lifecycle(annotations)
	all := labels.All()
	all["strimzi.io/cluster"] = pulumi.String(r.name)
	meta.Labels = all
	minutes := fmt.Sprintf("%dm", r.args.ReadyMinutes)
	return apiextensions.NewCustomResource(r.ctx, r.name+"-"+suffix, &apiextensions.CustomResourceArgs{
		ApiVersion:  pulumi.String(r.args.APIVersion),
		Kind:        pulumi.String(kind),
		Metadata:    meta,
		OtherFields: kubernetes.UntypedArgs{"spec": spec},
	}, append(options, pulumi.Parent(r.kafka), pulumi.DependsOn(r.before), sameInAllVersions(kind),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: minutes, Update: minutes, Delete: minutes}))...)
}

// sameInAllVersions makes another API version an update of the same object. Without the
// aliases the engine would create the object anew and then delete it.
func sameInAllVersions(kind string) pulumi.ResourceOption {
	var aliases []pulumi.Alias
	for _, version := range apiVersions {
		aliases = append(aliases, pulumi.Alias{Type: pulumi.String("kubernetes:" + version + ":" + kind)})
	}
	return pulumi.Aliases(aliases)
}

// awaited adds what makes Pulumi wait for the object's Ready condition.
func (r *registrar) awaited(annotations pulumi.StringMap) pulumi.StringMap {
	if !*r.args.WaitReady {
		return annotations
	}
	all := pulumi.StringMap{"pulumi.com/waitFor": pulumi.String("condition=Ready")}
	for key, value := range annotations {
		all[key] = value
	}
	return all
}
