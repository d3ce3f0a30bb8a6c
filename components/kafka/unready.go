package kafka

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// explained tells where the reason is when the wait for an object ends without success:
// the provider says only that its time is up. It never tries again.
func (r *registrar) explained(kind string) (pulumi.ResourceOption, error) {
	hook, err := r.ctx.RegisterErrorHook(r.name+"-"+kind+"-explained", func(failed *pulumi.ErrorHookArgs) (bool, error) {
		_ = r.ctx.Log.Error(whereTheReasonIs(r.name, failed.NewInputs), nil) // the failure itself is reported anyway
		return false, nil
	})
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{OnError: []*pulumi.ErrorHook{hook}}), err
}

// whereTheReasonIs are commands that print an object's own conditions, the last events
// of the cluster's pods and the operators' last words.
func whereTheReasonIs(cluster string, object resource.PropertyMap) string {
	seen := change{next: object}
	_, kind := seen.texts("kind")
	_, name := seen.texts("metadata.name")
	_, namespace := seen.texts("metadata.namespace")
	return fmt.Sprintf(`%[1]s %[2]s: the reason is in its conditions, in events and in the operators' logs:
  kubectl -n %[3]s get %[1]s %[2]s -o jsonpath='{range .status.conditions[*]}{.type}{" "}{.reason}{": "}{.message}{"\n"}{end}'
  kubectl -n %[3]s get events --sort-by=.lastTimestamp | tail -20
  kubectl -n %[3]s logs deployment/%[4]s-entity-operator --all-containers --tail=20
  kubectl logs -A -l strimzi.io/kind=cluster-operator --tail=20`, kind, name, namespace, cluster)
}
