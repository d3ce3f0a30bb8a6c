package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// keptAnnotations let the next deployment adopt what an earlier one has left. It does
// not wait: an adopted claim is bound already, which Pulumi's wait for a class that binds
// late never accepts.
func keptAnnotations() pulumi.StringMap {
	annotations := kube.Adoptable()
	maps.Copy(annotations, kube.SkipAwait())
	return annotations
}

func volumeClaim(p plan) *corev1.PersistentVolumeClaimArgs {
	meta := p.labels().Meta(p.claim(), p.Namespace)
	meta.Annotations = p.annotations(keptAnnotations())
	spec := &corev1.PersistentVolumeClaimSpecArgs{
		AccessModes: pulumi.StringArray{pulumi.String(p.Storage.AccessMode)},
		Resources: &corev1.VolumeResourceRequirementsArgs{
			Requests: pulumi.StringMap{"storage": pulumi.String(p.Storage.Size)},
		},
	}
	if kube.Given(p.Storage.Class) {
		spec.StorageClassName = p.Storage.Class.ToStringOutput()
	}
	return &corev1.PersistentVolumeClaimArgs{Metadata: meta, Spec: spec}
}

// claimOptions keeps the data: no deployment deletes a claim, and a change of what is
// fixed at creation does not become a replacement.
func claimOptions(p plan) []pulumi.ResourceOption {
	fixed := []string{"spec.accessModes", "spec.volumeName"}
	if kube.Given(p.Storage.Class) {
		// A class that the cluster chose must not be ignored: with the claim's next
		// update Pulumi would apply it as its own, and a later deployment that adopts
		// the claim would try to take it away.
		fixed = append(fixed, "spec.storageClassName")
	}
	return append(protection(p), pulumi.RetainOnDelete(true), pulumi.IgnoreChanges(fixed))
}

// keepsSilently returns what a claim that exists keeps, although other settings were asked for.
func (p plan) keepsSilently(made corev1.PersistentVolumeClaimSpec, class string) string {
	var keeps []string
	if found := made.StorageClassName; found != nil && class != "" && *found != class {
		keeps = append(keeps, fmt.Sprintf("postgres.storage.class: %q, it has %q", class, *found))
	}
	if found := made.AccessModes; len(found) > 0 && !slices.Contains(found, p.Storage.AccessMode) {
		keeps = append(keeps, fmt.Sprintf("postgres.storage.accessMode: %q, it has %q", p.Storage.AccessMode, found[0]))
	}
	if len(keeps) == 0 {
		return ""
	}
	return fmt.Sprintf("no effect on %s, only on volumes that are made from now on: %s", p.claim(), strings.Join(keeps, "; "))
}

// warn tells, in a preview too, of settings that are fixed when a claim is made.
func (r *registrar) warn(p plan, claim *corev1.PersistentVolumeClaim) {
	class := pulumi.String("").ToStringOutput()
	if kube.Given(p.Storage.Class) {
		class = p.Storage.Class.ToStringOutput()
	}
	pulumi.All(claim.Spec, class).ApplyT(func(all []any) (string, error) {
		hint := p.keepsSilently(all[0].(corev1.PersistentVolumeClaimSpec), all[1].(string))
		if hint == "" {
			return "", nil
		}
		return hint, r.ctx.Log.Warn(hint, &pulumi.LogArgs{Resource: claim})
	})
}

// protection says nothing when none is asked for, so that the component's own
// option still counts.
func protection(p plan) []pulumi.ResourceOption {
	if !p.Protect || p.drained() {
		return nil
	}
	return []pulumi.ResourceOption{pulumi.Protect(true)}
}
