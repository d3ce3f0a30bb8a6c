// Package volumes provisions PersistentVolumes of type local as folders of
// one node of the lab each. Type local, not hostPath: the kubelet gives a local volume
// to the pod's fsGroup, so a process without root can write to it. A folder
// has no size of its own: what is written to it is not limited to the volume's
// capacity, and a pod sees the size of the node's disk.
package volumes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// ProvisionerName is the name that a StorageClass uses to ask for this
// provisioner.
const ProvisionerName = "lab.scalestack.dev/local"

// Folders makes each volume a folder below Root.
type Folders struct {
	// Root is an absolute path on the node.
	Root string
}

// Provision makes the folder and describes it as a volume that only the
// claim's node can mount.
func (f Folders) Provision(_ context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if o.SelectedNode == nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("storage class %s: volumeBindingMode must be WaitForFirstConsumer", o.StorageClass.Name)
	}
	path := f.path(o.PVName)
	if err := os.MkdirAll(path, 0o770); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return volume(o, path), controller.ProvisioningFinished, nil
}

// Delete removes the folder of a volume whose reclaim policy is Delete.
func (f Folders) Delete(_ context.Context, pv *corev1.PersistentVolume) error {
	return os.RemoveAll(f.path(pv.Name))
}

func (f Folders) path(name string) string { return filepath.Join(f.Root, name) }

func volume(o controller.ProvisionOptions, path string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   o.PVC.Spec.AccessModes,
			VolumeMode:                    o.PVC.Spec.VolumeMode,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: o.PVC.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}},
			NodeAffinity:                  onNode(o.SelectedNode.Name),
		},
	}
}

func onNode(name string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{
				Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{name},
			}},
		}},
	}}
}
