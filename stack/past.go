package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/internal/cluster"
)

// past is what the stack's state says of its earlier deployments. A zero field means
// that it does not say.
type past struct {
	// cluster and namespace are those of the first deployment.
	cluster, namespace string
	// layout is that of the last deployment's shard map.
	layout *layout
	// shards are the names of those that have a server, and of their members.
	shards []string
	// cache is the address of the last deployment's cache, "" without one.
	cache string
	// rotation is the last one of the passwords for the shards that reached every shard, 0 also
	// where only an earlier release has changed them. The outputs do not tell: a refresh with the
	// program, a deployment that fails and one of some resources alone write those of a whole one.
	rotation int
	// cachePasswords are the rotations of which the state has a password of the cache.
	cachePasswords []int
	// begun are the rotations of which the state has a superuser's password.
	begun []int
	// localSuperuser tells that shards refuse the superuser from outside, or that nobody logs in so any more.
	localSuperuser bool
	// unnumbered is the rotation of the services' passwords that have no number in their names.
	unnumbered int
	// namespaceUID and target are for a state that does not know its cluster, which was
	// written before stacks recorded it.
	namespaceUID string
	target       cluster.Target
	// makers are who made each Secret of which the state knows.
	makers map[string]maker
	// deployed and scaled are the Deployments and autoscalers.
	deployed []replicaSet
	scaled   []autoscaler
	// groups are the consumer groups with the topics that they read.
	groups map[string][]string
}

// unmarked is true for a state from before stacks recorded their cluster.
func (p past) unmarked() bool { return p.cluster == "" && p.namespace != "" }

// Functions of Pulumi's engine itself.
const (
	readOutputs   = "pulumi:pulumi:readStackOutputs"
	readResources = "pulumi:pulumi:readStackResourceOutputs"
)

// readPast asks the engine for the outputs of the stack's last deployment that
// succeeded, and for its resources. It registers nothing.
func readPast(ctx *pulumi.Context) (past, error) {
	args := struct {
		Name string `pulumi:"name"`
	}{stackName(ctx)}
	var last struct {
		Outputs map[string]any `pulumi:"outputs"`
	}
	if _, err := ctx.InvokePackageRaw(readOutputs, &args, &last, ""); err != nil {
		return past{}, fmt.Errorf("outputs of stack %s: %w", args.Name, err)
	}
	// Asking for the resources of a stack that has none ends the engine.
	if len(last.Outputs) == 0 {
		return past{}, nil
	}
	p := past{cluster: text(last.Outputs, "cluster"), namespace: text(last.Outputs, "namespace"), cache: text(last.Outputs, "redisAddress")}
	var err error
	if p.layout, err = readLayout(last.Outputs["shardMap"]); err != nil {
		return past{}, fmt.Errorf("output shardMap of stack %s: %w", args.Name, err)
	}
	return p, p.readResources(ctx)
}

var (
	superusersPassword = regexp.MustCompile(`::` + postgresName + `-shard-\d+-` + postgres.AdminCredentials + `-password-(\d+)$`)
	cachePassword      = regexp.MustCompile(`::` + redisName + `-app-password(?:-(\d+))?$`)
	unnumberedPassword = regexp.MustCompile(`::` + postgres.LoginSecret(rolesName, ".+") + `-password$`)
)

// readPassword looks for what tells of a rotation.
func (p *past) readPassword(urn string, outputs map[string]any) {
	if found := superusersPassword.FindStringSubmatch(urn); found != nil {
		rotation, _ := strconv.Atoi(found[1])
		p.begun = append(p.begun, rotation)
	}
	if found := cachePassword.FindStringSubmatch(urn); found != nil {
		rotation, _ := strconv.Atoi(found[1])
		p.cachePasswords = append(p.cachePasswords, rotation)
	}
	if unnumberedPassword.MatchString(urn) {
		keepers, _ := outputs["keepers"].(map[string]any)
		p.unnumbered, _ = strconv.Atoi(text(keepers, "rotation"))
	}
}

// madeSecret is before the name in the URN of each Secret that the setting secrets has
// made.
const madeSecret = "scalestack:secrets:Secrets$kubernetes:core/v1:Secret::" + secretsName + "-"

// readResources looks for the namespace, the provider, passwords and what makes Secrets among
// the stack's resources.
func (p *past) readResources(ctx *pulumi.Context) error {
	args := struct {
		StackName string `pulumi:"stackName"`
	}{stackName(ctx)}
	var all struct {
		Outputs map[string]stored `pulumi:"outputs"`
	}
	if _, err := ctx.InvokePackageRaw(readResources, &args, &all, ""); err != nil {
		return fmt.Errorf("resources of stack %s: %w", args.StackName, err)
	}
	p.makers, p.groups = map[string]maker{}, map[string][]string{}
	for urn, one := range all.Outputs {
		p.read(urn, one)
	}
	slices.Sort(p.begun)
	p.begun = slices.Compact(p.begun)
	return nil
}

// stored is a resource of the state.
type stored struct {
	Type    string         `pulumi:"type"`
	Outputs map[string]any `pulumi:"outputs"`
}

// read takes what a resource tells.
func (p *past) read(urn string, one stored) {
	metadata, _ := one.Outputs["metadata"].(map[string]any)
	if _, name, made := strings.Cut(urn, madeSecret); made {
		p.makers[name] = bySecrets
	}
	switch {
	case one.Type == "kubernetes:apps/v1:StatefulSet":
		p.shards = append(p.shards, strings.TrimPrefix(text(metadata, "name"), postgresName+"-"))
	case one.Type == "kubernetes:apps/v1:Deployment":
		p.deployed = appendDecoded(p.deployed, one.Outputs)
	case one.Type == "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", strings.HasSuffix(one.Type, ":ScaledObject"):
		p.scaled = appendDecoded(p.scaled, one.Outputs)
	case one.Type == "kubernetes:batch/v1:Job" && strings.HasSuffix(urn, "::"+reshardName):
		// It comes last: all shards and all other Jobs are of the same deployment or a later one.
		p.localSuperuser = p.localSuperuser || mountsLogin(one.Outputs)
	case one.Type == "kubernetes:core/v1:ConfigMap":
		data, _ := one.Outputs["data"].(map[string]any)
		p.localSuperuser = p.localSuperuser || postgres.RefusesSuperuser(text(data, "pg_hba.conf"))
	case one.Type == "random:index/randomPassword:RandomPassword":
		p.readPassword(urn, one.Outputs)
	case strings.HasPrefix(one.Type, "kubernetes:cert-manager.io/") && strings.HasSuffix(one.Type, ":Certificate"):
		p.makers[text(metadata, "name")] = byCertManager
	case strings.HasPrefix(one.Type, "kubernetes:kafka.strimzi.io/") && strings.HasSuffix(one.Type, ":KafkaUser"):
		p.makers[kafka.UserSecret(kafkaName, text(metadata, "name"))] = byStrimzi
		if group, topics := kafka.ReadBy(one.Outputs["spec"]); group != "" {
			p.groups[group] = append(p.groups[group], topics...)
		}
	case one.Type == "kubernetes:core/v1:Secret":
		annotations, _ := metadata["annotations"].(map[string]any)
		rotation, _ := strconv.Atoi(text(annotations, postgres.RotationAnnotation))
		p.rotation = max(p.rotation, rotation)
	case one.Type == "kubernetes:core/v1:Namespace" && strings.HasSuffix(urn, "::"+baseName+"-namespace"):
		p.namespaceUID = text(metadata, "uid")
	case one.Type == "pulumi:providers:kubernetes" && strings.HasSuffix(urn, "::"+providerName):
		p.target = cluster.Target{Kubeconfig: text(one.Outputs, "kubeconfig"), Context: text(one.Outputs, "context")}
	}
}

// mountsLogin tells that a Job has the login of moves, and so not the superuser's.
func mountsLogin(job map[string]any) bool {
	var one struct {
		Spec struct {
			Template struct {
				Spec struct {
					Volumes []struct {
						Projected struct {
							Sources []struct {
								Secret struct{ Items []struct{ Key string } }
							}
						}
					}
				}
			}
		}
	}
	if decodeObject(job, &one) != nil {
		return false
	}
	for _, volume := range one.Spec.Template.Spec.Volumes {
		for _, source := range volume.Projected.Sources {
			for _, item := range source.Secret.Items {
				if item.Key == postgres.MoverLogin+"-password" {
					return true
				}
			}
		}
	}
	return false
}

// appendDecoded leaves out what is not of the form.
func appendDecoded[T any](all []T, object map[string]any) []T {
	var one T
	if decodeObject(object, &one) != nil {
		return all
	}
	return append(all, one)
}

func text(of map[string]any, key string) string {
	value, _ := of[key].(string)
	return value
}

// stackName is the stack's name in full.
func stackName(ctx *pulumi.Context) string {
	return strings.Join([]string{ctx.Organization(), ctx.Project(), ctx.Stack()}, "/")
}

// record writes down, once for the life of the stack, where it is. It returns what the
// state says, which is what this run says only in the first one. That it comes before
// everything else makes it known even where the first deployment fails half-way. Only a preview tells
// whether it is old, and so whether the state has resources.
func record(ctx *pulumi.Context, clusterID, namespace string) (recorded past, isOld bool, err error) {
	stash, err := pulumi.NewStash(ctx, "target", &pulumi.StashArgs{Input: pulumi.StringMap{
		"cluster": pulumi.String(clusterID), "namespace": pulumi.String(namespace),
	}}, pulumi.IgnoreChanges([]string{"input"}))
	if err != nil {
		return recorded, false, fmt.Errorf("record of the cluster: %w", err)
	}
	written, err := internals.UnsafeAwaitOutput(ctx.Context(), stash.Output)
	if err != nil {
		return recorded, false, fmt.Errorf("record of the cluster: %w", err)
	}
	if !written.Known {
		return past{cluster: clusterID, namespace: namespace}, false, nil // it is about to be made
	}
	fields, _ := written.Value.(map[string]any)
	recorded = past{cluster: text(fields, "cluster"), namespace: text(fields, "namespace")}
	if recorded.cluster == "" || recorded.namespace == "" {
		return recorded, false, fmt.Errorf("record of the cluster: %v names no cluster and namespace", written.Value)
	}
	return recorded, ctx.DryRun(), nil
}
