package nodes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// DeleteClaim on a claim says whether it goes with its node.
const DeleteClaim = "strimzi.io/delete-claim"

const (
	dataFolder = "/var/lib/kafka/"
	ephemeral  = "ephemeral"
)

// disk is one volume of a node under its name in the pod.
type disk struct {
	name string
	api.Volume
}

func (d disk) folder() string { return dataFolder + d.name }

// disks are a node's volumes in the order of their numbers.
func disks(s api.Storage) []disk {
	if s.Type != "jbod" {
		v := s.Volume
		v.Type = s.Type
		return []disk{{"data", v}}
	}
	var all []disk
	for _, v := range s.Volumes {
		all = append(all, disk{fmt.Sprintf("data-%d", v.ID), v})
	}
	slices.SortFunc(all, func(a, b disk) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// metadataDisk has the metadata log: the one marked as shared, or else the first.
func metadataDisk(all []disk) disk {
	for _, d := range all {
		if d.KraftMetadata == "shared" {
			return d
		}
	}
	return all[0]
}

// logFolders are Kafka's data folders of one node, and which of them has the metadata log.
func logFolders(s api.Storage, id int32) (logs, metadata string) {
	all := disks(s)
	var folders []string
	for _, d := range all {
		folders = append(folders, fmt.Sprintf("%s/kafka-log%d", d.folder(), id))
	}
	return strings.Join(folders, ","), fmt.Sprintf("%s/kafka-log%d", metadataDisk(all).folder(), id)
}

// Claims are the volumes of a pool's nodes. Only one with deleteClaim is owned by the pool, and goes with it.
func (c *Cluster) Claims(p Pool) []*corev1.PersistentVolumeClaim {
	var all []*corev1.PersistentVolumeClaim
	for _, id := range p.IDs {
		for _, d := range disks(p.Spec.Storage) {
			if d.Type != ephemeral {
				all = append(all, c.claim(p, d, c.PodName(p, id)))
			}
		}
	}
	return all
}

func (c *Cluster) claim(p Pool, d disk, pod string) *corev1.PersistentVolumeClaim {
	mode := corev1.PersistentVolumeFilesystem
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: c.poolMeta(p, d.name+"-"+pod),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, VolumeMode: &mode,
		},
	}
	claim.Annotations[DeleteClaim] = fmt.Sprint(d.DeleteClaim)
	if !d.DeleteClaim {
		claim.OwnerReferences = []metav1.OwnerReference{}
	}
	if size, err := resource.ParseQuantity(d.Size); err == nil {
		claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: size}
	}
	if d.Class != "" {
		claim.Spec.StorageClassName = &d.Class
	}
	return claim
}

// volume is a disk as the pod mounts it.
func (d disk) volume(pod string) corev1.Volume {
	if d.Type != ephemeral {
		return corev1.Volume{Name: d.name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: d.name + "-" + pod},
		}}
	}
	data := &corev1.EmptyDirVolumeSource{}
	if size, err := resource.ParseQuantity(d.SizeLimit); err == nil {
		data.SizeLimit = &size
	}
	return corev1.Volume{Name: d.name, VolumeSource: corev1.VolumeSource{EmptyDir: data}}
}

func (d disk) mount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: d.name, MountPath: d.folder()}
}
