package expand

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/typed/core/v1/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
)

const provisioner = "lab.test/local"

// server is an API server as far as it keeps objects.
func server(objects ...runtime.Object) *fake.FakeCoreV1 {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		panic(err)
	}
	tracker := clienttesting.NewObjectTracker(scheme, serializer.NewCodecFactory(scheme).UniversalDecoder())
	for _, object := range objects {
		if err := tracker.Add(object); err != nil {
			panic(err)
		}
	}
	client := &clienttesting.Fake{}
	client.AddReactor("*", "*", clienttesting.ObjectReaction(tracker))
	return &fake.FakeCoreV1{Fake: client}
}

// cluster holds a claim of 1Gi, bound to its volume, that asks for size.
func cluster(size string, change func(*corev1.PersistentVolumeClaim, *corev1.PersistentVolume)) (Expander, *record.FakeRecorder) {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data", UID: "1"}}
	claim.Spec.VolumeName = "pvc-1"
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pvc-1", Annotations: map[string]string{provisionedBy: provisioner}}}
	pv.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	pv.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "shop", Name: "data", UID: "1"}
	if change != nil {
		change(claim, pv)
	}
	events := record.NewFakeRecorder(10)
	return Expander{
		Client: server(claim, pv), Events: events, Provisioner: provisioner,
		Free: func() (int64, error) { return 5 << 30, nil },
		Grow: func(string, int64) error { return nil },
	}, events
}

// after runs passes and returns the claim and the volume's capacity.
func after(t *testing.T, e Expander, passes int) (*corev1.PersistentVolumeClaim, string) {
	t.Helper()
	for range passes {
		require.NoError(t, e.pass(t.Context()))
	}
	claim, err := e.Client.PersistentVolumeClaims("shop").Get(t.Context(), "data", metav1.GetOptions{})
	require.NoError(t, err)
	pv, err := e.Client.PersistentVolumes().Get(t.Context(), "pvc-1", metav1.GetOptions{})
	require.NoError(t, err)
	return claim, pv.Spec.Capacity.Storage().String()
}

// The claim's own capacity is the kubelet's to raise, when the volume is
// mounted in its new size.
func TestGrowthIsLeftToTheKubeletToFinish(t *testing.T) {
	e, events := cluster("3Gi", nil)
	claim, capacity := after(t, e, 2)
	require.Equal(t, "3Gi", capacity)
	require.Equal(t, "1Gi", claim.Status.Capacity.Storage().String())
	require.Len(t, claim.Status.Conditions, 1)
	require.Equal(t, corev1.PersistentVolumeClaimFileSystemResizePending, claim.Status.Conditions[0].Type)
	require.Empty(t, events.Events)
}

func TestGrowthThatTheDiskCannotHoldIsRefused(t *testing.T) {
	e, events := cluster("7Gi", nil)
	claim, capacity := after(t, e, 1)
	require.Equal(t, "1Gi", capacity)
	require.Equal(t, "1Gi", claim.Status.Capacity.Storage().String())
	require.Equal(t, corev1.PersistentVolumeClaimResizing, claim.Status.Conditions[0].Type)
	require.Equal(t, "Warning VolumeResizeFailed the node's disk has 5Gi free, growing to 7Gi takes 6Gi more", <-events.Events)
}

// A volume tells a capacity only when it has it.
func TestWhatDoesNotGrowKeepsItsCapacity(t *testing.T) {
	e, events := cluster("3Gi", nil)
	var asked []string
	e.Grow = func(volume string, bytes int64) error {
		asked = append(asked, fmt.Sprint(volume, " ", bytes))
		return errors.New("it is not mounted")
	}
	_, capacity := after(t, e, 2)
	require.Equal(t, "1Gi", capacity)
	require.Equal(t, "Warning VolumeResizeFailed it is not mounted", <-events.Events)
	require.Equal(t, []string{"pvc-1 3221225472", "pvc-1 3221225472"}, asked, "it is tried again")
}

func TestOtherVolumesAreLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*corev1.PersistentVolumeClaim, *corev1.PersistentVolume){
		"of another provisioner": func(_ *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) {
			pv.Annotations[provisionedBy] = "other"
		},
		"of another claim": func(_ *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) { pv.Spec.ClaimRef.UID = "2" },
		"not bound yet": func(claim *corev1.PersistentVolumeClaim, _ *corev1.PersistentVolume) {
			claim.Status.Phase = corev1.ClaimPending
		},
		"large enough": func(claim *corev1.PersistentVolumeClaim, _ *corev1.PersistentVolume) {
			claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("1Gi")
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, events := cluster("3Gi", change)
			claim, capacity := after(t, e, 1)
			require.Equal(t, "1Gi", capacity)
			require.Empty(t, claim.Status.Conditions)
			require.Empty(t, events.Events)
		})
	}
}

func TestFreeSpaceOfTheDisk(t *testing.T) {
	bytes, err := Free(t.TempDir())
	require.NoError(t, err)
	require.Positive(t, bytes)
	_, err = Free("/no/such/folder")
	require.ErrorContains(t, err, "/no/such/folder")
}
