package volumes

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

func options() controller.ProvisionOptions {
	policy := corev1.PersistentVolumeReclaimDelete
	claim := &corev1.PersistentVolumeClaim{}
	claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	return controller.ProvisionOptions{
		PVName: "pvc-1", PVC: claim,
		StorageClass: &storagev1.StorageClass{ReclaimPolicy: &policy},
		SelectedNode: &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "lab"}},
	}
}

func TestProvisionAndDelete(t *testing.T) {
	folders := Folders{Root: t.TempDir()}
	pv, state, err := folders.Provision(t.Context(), options())
	require.NoError(t, err)
	require.Equal(t, controller.ProvisioningFinished, state)
	path := filepath.Join(folders.Root, "pvc-1")
	require.DirExists(t, path)
	require.Equal(t, path, pv.Spec.Local.Path)
	require.Equal(t, "lab", pv.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values[0])
	require.Equal(t, "1Gi", pv.Spec.Capacity.Storage().String())

	require.NoError(t, folders.Delete(t.Context(), pv))
	require.NoDirExists(t, path)
}

func TestProvisionNeedsANode(t *testing.T) {
	o := options()
	o.SelectedNode = nil
	_, _, err := Folders{Root: t.TempDir()}.Provision(t.Context(), o)
	require.ErrorContains(t, err, "WaitForFirstConsumer")
}

func TestDisksThatCannotBeMade(t *testing.T) {
	folders := Folders{Root: t.TempDir(), Node: "lab"}
	for expected, change := range map[string]func(o *controller.ProvisionOptions){
		`storage class disk: parameter fsType is "ext4": xfs, or left out`: func(o *controller.ProvisionOptions) {
			o.StorageClass.Parameters[fsType] = "ext4"
		},
		"storage class disk: its volumes are on node lab alone, and the pod is on lab-2": func(o *controller.ProvisionOptions) {
			o.SelectedNode.Name = "lab-2"
		},
		"10485760 bytes are too few: xfs takes at least 314572800": func(o *controller.ProvisionOptions) {
			o.PVC.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("10Mi")
		},
	} {
		o := options()
		o.StorageClass.Name, o.StorageClass.Parameters = "disk", map[string]string{fsType: xfs}
		change(&o)
		_, _, err := folders.Provision(t.Context(), o)
		require.EqualError(t, err, expected)
		require.NoDirExists(t, filepath.Join(folders.Root, "pvc-1"))
	}
}

func TestAFolderHasNoSize(t *testing.T) {
	folders := Folders{Root: t.TempDir(), Node: "lab"}
	_, _, err := folders.Provision(t.Context(), options())
	require.NoError(t, err)
	require.NoError(t, folders.Grow("pvc-1", 2<<30))
	require.NoError(t, folders.Mount())
}
