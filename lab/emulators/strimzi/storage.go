package strimzi

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// storageReason is that of the warning about a change of storage that is ignored.
const storageReason = "KafkaStorage"

// keepStorage gives a pool its present storage back if the wanted one is no legal change of it, and warns
// (KafkaPool.fromCrd). The present one is in an annotation of the pool's pod set.
func (r *clusters) keepStorage(ctx context.Context, c *nodes.Cluster, notes *[]api.Condition) error {
	for _, p := range c.Pools {
		set := &api.StrimziPodSet{}
		err := r.Fresh.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: c.Set(p)}, set)
		if isGone(err) {
			continue
		}
		if err != nil {
			return err
		}
		var have api.Storage
		if err := json.Unmarshal([]byte(set.Annotations[nodes.StorageAnnotation]), &have); err != nil {
			return fmt.Errorf("annotation %s of %s: %w", nodes.StorageAnnotation, set.Name, err)
		}
		if changeable(have, p.Spec.Storage) {
			continue
		}
		p.Spec.Storage = have
		warning := api.Is(api.Warning, storageReason, fmt.Sprintf("The desired Kafka storage configuration in the KafkaNodePool resource %s/%s "+
			"contains changes which are not allowed. As a result, all storage changes will be ignored.", p.Namespace, p.Name))
		*notes = append(*notes, warning)
	}
	return nil
}

// changeable follows StorageDiff: volumes of a JBOD storage may come and go, and grow; deleteClaim and kraftMetadata may
// change. Nothing else may, and nothing may shrink.
func changeable(have, want api.Storage) bool {
	if have.Type != want.Type {
		return false
	}
	if have.Type != "jbod" {
		return grows(have.Volume, want.Volume)
	}
	before := map[int32]api.Volume{}
	for _, v := range have.Volumes {
		before[v.ID] = v
	}
	seen, metadata := map[int32]bool{}, 0
	for _, v := range want.Volumes {
		if v.KraftMetadata != "" {
			metadata++
		}
		if old, ok := before[v.ID]; seen[v.ID] || ok && !grows(old, v) {
			return false
		}
		seen[v.ID] = true
	}
	return metadata <= 1
}

func grows(have, want api.Volume) bool {
	same := have
	same.DeleteClaim, same.KraftMetadata, same.Size = want.DeleteClaim, want.KraftMetadata, want.Size
	if same != want {
		return false
	}
	old, err := resource.ParseQuantity(have.Size)
	if err != nil {
		return have.Size == want.Size
	}
	size, err := resource.ParseQuantity(want.Size)
	return err == nil && size.Cmp(old) >= 0
}

// applyClaims makes the nodes' volumes, and asks for more of one that grew. It warns where that does not go
// (PvcReconciler).
func (r *clusters) applyClaims(ctx context.Context, c *nodes.Cluster, notes *[]api.Condition) error {
	for _, p := range c.Pools {
		for _, claim := range c.Claims(p) {
			warning, err := r.resizable(ctx, claim)
			if err != nil {
				return err
			}
			if warning != "" {
				*notes = append(*notes, api.Is(api.Warning, "PvcResizingWarning", warning))
				continue
			}
			if err := r.apply(ctx, claim); err != nil {
				return err
			}
		}
	}
	return nil
}

// resizable says why a bound claim cannot have its new size, if it cannot.
func (r *clusters) resizable(ctx context.Context, want *corev1.PersistentVolumeClaim) (string, error) {
	have := &corev1.PersistentVolumeClaim{}
	if err := r.Fresh.Get(ctx, client.ObjectKeyFromObject(want), have); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	if have.Status.Phase != corev1.ClaimBound || have.Spec.Resources.Requests.Storage().Equal(*want.Spec.Resources.Requests.Storage()) {
		return "", nil
	}
	if have.Spec.StorageClassName == nil || *have.Spec.StorageClassName == "" {
		return "PVC " + want.Name + " does not use any Storage Class and cannot be resized.", nil
	}
	class := &storagev1.StorageClass{}
	err := r.Fresh.Get(ctx, types.NamespacedName{Name: *have.Spec.StorageClassName}, class)
	if isGone(err) {
		return "Storage Class " + *have.Spec.StorageClassName + " not found. PVC " + want.Name + " cannot be resized.", nil
	}
	if err == nil && (class.AllowVolumeExpansion == nil || !*class.AllowVolumeExpansion) {
		return "Storage Class " + class.Name + " does not support resizing of volumes. PVC " + want.Name + " cannot be resized.", nil
	}
	return "", err
}
