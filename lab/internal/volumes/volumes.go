// Package volumes provisions PersistentVolumes of type local, each a folder of one node
// of the lab. The type is local rather than hostPath, because the kubelet gives a local
// volume to the pod's fsGroup, so that a process without root can write to it. A folder
// has no size limit: what is written to it is not limited to the volume's capacity, and
// a pod sees the size of the node's disk.
//
// A class with the parameter fsType: xfs gives each volume a file system of its own, in
// a file: it is full when its capacity is written, like a cloud's disk. It costs a
// mount and a second journal, so the lab's default class uses folders.
package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// ProvisionerName is the name that a StorageClass uses to ask for this
// provisioner.
const ProvisionerName = "lab.scalestack.dev/local"

// fsType is the parameter of a class that asks for file systems.
const fsType = "fsType"

// Folders makes each volume a folder below Root, or a disk in one.
type Folders struct {
	// Root is an absolute path on the node.
	Root string
	// Node is the name of the node that this process runs on, which alone can mount
	// what it makes: others have mounts of their own.
	Node string
}

// Provision makes the folder and describes it as a volume that only the
// claim's node can mount.
func (f Folders) Provision(_ context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if o.SelectedNode == nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("storage class %s: volumeBindingMode must be WaitForFirstConsumer", o.StorageClass.Name)
	}
	path, err := f.make(o)
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return volume(o, path), controller.ProvisioningFinished, nil
}

// make returns the path of the volume's data.
func (f Folders) make(o controller.ProvisionOptions) (string, error) {
	path := f.path(o.PVName)
	switch kind := o.StorageClass.Parameters[fsType]; {
	case kind == "":
		return path, os.MkdirAll(path, 0o770)
	case kind != xfs:
		return "", fmt.Errorf("storage class %s: parameter %s is %q: %s, or left out", o.StorageClass.Name, fsType, kind, xfs)
	case o.SelectedNode.Name != f.Node:
		return "", fmt.Errorf("storage class %s: its volumes are on node %s alone, and the pod is on %s", o.StorageClass.Name, f.Node, o.SelectedNode.Name)
	}
	d := disk{path}
	return d.data(), d.make(o.PVC.Spec.Resources.Requests.Storage().Value())
}

// Delete removes a volume whose reclaim policy is Delete.
func (f Folders) Delete(_ context.Context, pv *corev1.PersistentVolume) error {
	path := f.path(pv.Name)
	if err := (disk{path}).unmount(); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// Mount mounts the disks that an earlier run has made. Without it their data is not
// there, and no pod that wants it starts.
func (f Folders) Mount() (errs error) {
	images, err := filepath.Glob(disk{f.path("*")}.image())
	for _, image := range images {
		errs = errors.Join(errs, disk{filepath.Dir(image)}.mount())
	}
	return errors.Join(err, errs)
}

// Grow gives a volume another size. A folder has none.
func (f Folders) Grow(name string, bytes int64) error {
	d := disk{f.path(name)}
	if _, err := os.Stat(d.image()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return d.grow(bytes)
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
