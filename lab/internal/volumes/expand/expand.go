// Package expand grows the lab's volumes when their claims ask for more.
package expand

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

// provisionedBy is the annotation that the provisioner's library sets.
const provisionedBy = "pv.kubernetes.io/provisioned-by"

// interval between two looks at the claims. A lab has a dozen of them.
const interval = 2 * time.Second

// Expander grows volumes as an external resizer does: it grows what is behind
// the volume, writes the new capacity to the PersistentVolume, and marks the
// claim with FileSystemResizePending. The kubelet does the rest where the
// volume is mounted and raises the claim's status.capacity last.
//
// A growth is refused when the node's disk has no room for it.
type Expander struct {
	Client typedcorev1.CoreV1Interface
	Events record.EventRecorder
	// Provisioner is the name of the storage classes' provisioner.
	Provisioner string
	// Free is how many bytes the disk has that holds the volumes.
	Free func() (int64, error)
	// Grow gives what is behind a volume another size in bytes. It can be repeated.
	Grow func(volume string, bytes int64) error
}

// Run looks after the claims until ctx ends.
func (e Expander) Run(ctx context.Context) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		if err := e.pass(ctx); err != nil {
			klog.FromContext(ctx).Error(err, "expanding volumes")
		}
	}, interval)
}

// pass looks at every claim once. What fails for one claim is told as an event
// of that claim and tried again in the next pass.
func (e Expander) pass(ctx context.Context) error {
	claims, err := e.Client.PersistentVolumeClaims(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		if !wantsMore(claim) {
			continue
		}
		if err := e.expand(ctx, claim); err != nil {
			e.Events.Event(claim, corev1.EventTypeWarning, "VolumeResizeFailed", err.Error())
		}
	}
	return nil
}

// wantsMore is true for a bound claim that asks for more than it has. The API
// server lets a claim grow only if its class allows it.
func wantsMore(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Status.Phase == corev1.ClaimBound && claim.DeletionTimestamp == nil && claim.Spec.VolumeName != "" &&
		claim.Spec.Resources.Requests.Storage().Cmp(*claim.Status.Capacity.Storage()) > 0
}

func (e Expander) expand(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	pv, err := e.Client.PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if pv.Annotations[provisionedBy] != e.Provisioner || pv.Spec.ClaimRef == nil || pv.Spec.ClaimRef.UID != claim.UID {
		return nil // somebody else's volume
	}
	size := *claim.Spec.Resources.Requests.Storage()
	if pv.Spec.Capacity.Storage().Cmp(size) < 0 {
		if err := e.grow(ctx, claim, pv, size); err != nil {
			return err
		}
	}
	return e.mark(ctx, claim, corev1.PersistentVolumeClaimFileSystemResizePending, "waiting for the kubelet of a node where the volume is mounted")
}

func (e Expander) grow(ctx context.Context, claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume, size resource.Quantity) error {
	if err := e.mark(ctx, claim, corev1.PersistentVolumeClaimResizing, ""); err != nil {
		return err
	}
	growth := size.DeepCopy()
	growth.Sub(*pv.Spec.Capacity.Storage())
	free, err := e.Free()
	if err != nil {
		return err
	}
	if growth.CmpInt64(free) > 0 {
		return fmt.Errorf("the node's disk has %s free, growing to %s takes %s more",
			resource.NewQuantity(free, resource.BinarySI), size.String(), growth.String())
	}
	if err := e.Grow(pv.Name, size.Value()); err != nil {
		return err
	}
	pv.Spec.Capacity[corev1.ResourceStorage] = size
	_, err = e.Client.PersistentVolumes().Update(ctx, pv, metav1.UpdateOptions{})
	return err
}

// mark gives the claim one condition about its size in place of another.
func (e Expander) mark(ctx context.Context, claim *corev1.PersistentVolumeClaim, kind corev1.PersistentVolumeClaimConditionType, message string) error {
	sizing := func(c corev1.PersistentVolumeClaimCondition) bool {
		return c.Type == corev1.PersistentVolumeClaimResizing || c.Type == corev1.PersistentVolumeClaimFileSystemResizePending
	}
	if slices.ContainsFunc(claim.Status.Conditions, func(c corev1.PersistentVolumeClaimCondition) bool { return c.Type == kind }) {
		return nil
	}
	claim.Status.Conditions = append(slices.DeleteFunc(claim.Status.Conditions, sizing), corev1.PersistentVolumeClaimCondition{
		Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(), Message: message,
	})
	updated, err := e.Client.PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, metav1.UpdateOptions{})
	if err == nil {
		*claim = *updated
	}
	return err
}

// Free is how many bytes a process without privileges can write below a folder.
func Free(folder string) (int64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return 0, fmt.Errorf("%s: %w", folder, err)
	}
	return int64(disk.Bavail) * disk.Bsize, nil
}
