package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// LookFunc returns an object of the cluster, or nil if there is none. The object is
// identified by its API version, such as autoscaling/v2, the plural of its kind in
// lower case, its namespace and its name.
type LookFunc func(ctx context.Context, apiVersion, resource, namespace, name string) (object map[string]any, err error)

const (
	// specAnnotation on a ScaledObject is a checksum of its spec. KEDA copies it to the
	// autoscaler that it makes, once it could build every trigger of the spec: nothing in a
	// ScaledObject's own status says which version of it the status is about.
	specAnnotation = "scalestack/spec"
	// madeByKEDA is before the service's name in that of KEDA's autoscaler.
	madeByKEDA = "keda-hpa-"

	// adoptWithin is how long KEDA may take. It answers within seconds.
	adoptWithin = 2 * time.Minute
	lookEvery   = time.Second
)

// patience is shorter in a test.
var patience = adoptWithin

// adopted is name, known once KEDA scales by what is deployed. Every deployment checks
// this, even one without a change, because a refusal stays until it is fixed. A refresh
// that runs the program applies nothing, so it does not wait for what the next
// deployment would apply.
func (r *registrar) adopted(made *apiextensions.CustomResource, name pulumi.StringOutput, checksum pulumi.StringInput) pulumi.StringOutput {
	if r.args.Look == nil || r.ctx.DryRun() {
		return name
	}
	all := pulumi.All(name, made.ID(), r.args.Namespace, checksum, made.Metadata.Annotations())
	return all.ApplyTWithContext(r.ctx.Context(), func(ctx context.Context, all []any) (string, error) {
		name, wanted := all[0].(string), all[3].(string)
		if applied, _ := all[4].(map[string]string); applied[specAnnotation] != wanted {
			return name, nil
		}
		if err := awaitKEDA(ctx, r.args.Look, all[2].(string), r.name, wanted, patience, lookEvery); err != nil {
			return name, err
		}
		if r.args.scalesToZero() {
			if text := asleep(ctx, r.args.Look, all[2].(string), r.name); text != "" {
				return name, r.ctx.Log.Warn(text, &pulumi.LogArgs{Resource: r.made})
			}
		}
		return name, nil
	}).(pulumi.StringOutput)
}

// asleep says what a deployment has not tried, because no pod runs. It is "" where one does,
// and where the cluster does not tell: nothing is held up by it.
func asleep(ctx context.Context, look LookFunc, namespace, name string) string {
	deployment, err := look(ctx, "apps/v1", "deployments", namespace, name)
	if err != nil || deployment == nil || fmt.Sprint(within(deployment, "spec")["replicas"]) != "0" {
		return ""
	}
	return fmt.Sprintf("Deployment %s/%s sleeps: no pod has tried what is deployed, and the next event will. "+
		"To try it now: kubectl -n %s annotate scaledobject %s autoscaling.keda.sh/paused-replicas=1, wait for the pod, "+
		"and the same with autoscaling.keda.sh/paused-replicas-", namespace, name, namespace, name)
}

// awaitKEDA polls until KEDA has made an autoscaler from the spec with this checksum.
func awaitKEDA(ctx context.Context, look LookFunc, namespace, name, checksum string, limit, every time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for {
		done, err := keda(ctx, look, namespace, name, checksum)
		if done {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ScaledObject %s/%s: KEDA does not scale by it as it is now, after %s: %w", namespace, name, limit, last)
		case <-time.After(every):
		}
	}
}

var errSilent = errors.New("KEDA says nothing against it. Does its operator run?")

// keda reports whether KEDA goes by the spec, and if not, what it says. One that somebody has
// paused, or deleted meanwhile, is not waited for.
func keda(ctx context.Context, look LookFunc, namespace, name, checksum string) (done bool, err error) {
	asked, err := look(ctx, kedaVersion, "scaledobjects", namespace, name)
	if err != nil {
		return false, err
	}
	if asked == nil || condition(asked, "Paused")["status"] == "True" {
		return true, nil
	}
	made, err := look(ctx, "autoscaling/v2", "horizontalpodautoscalers", namespace, madeByKEDA+name)
	if err != nil {
		return false, err
	}
	if within(within(made, "metadata"), "annotations")[specAnnotation] == checksum {
		return true, nil
	}
	if says := condition(asked, "Ready"); says["status"] == "False" {
		return false, fmt.Errorf("%v: %v", says["reason"], says["message"])
	}
	return false, errSilent
}

// condition of an object, by its type. It is empty where there is none.
func condition(of map[string]any, kind string) map[string]any {
	all, _ := within(of, "status")["conditions"].([]any)
	for _, one := range all {
		if c, ok := one.(map[string]any); ok && c["type"] == kind {
			return c
		}
	}
	return nil
}

// within is the object in a field, empty where there is none.
func within(of map[string]any, field string) map[string]any {
	inner, _ := of[field].(map[string]any)
	return inner
}
