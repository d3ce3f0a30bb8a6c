package kube

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// EmptyDir is a volume that lives as long as its pod. A pod above the limit, for
// example "64Mi", is evicted.
func EmptyDir(name, limit string) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:     pulumi.String(name),
		EmptyDir: &corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(limit)},
	}
}

// MemoryDir is an EmptyDir in memory. What is in it counts against the memory
// limit of the container that wrote it.
func MemoryDir(name, limit string) *corev1.VolumeArgs {
	volume := EmptyDir(name, limit)
	volume.EmptyDir = &corev1.EmptyDirVolumeSourceArgs{
		Medium:    pulumi.String("Memory"),
		SizeLimit: pulumi.String(limit),
	}
	return volume
}

// Mount is a volume's place in a container.
func Mount(volume, path string) *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(path)}
}

// ReadOnlyMount is a Mount that the container cannot write to.
func ReadOnlyMount(volume, path string) *corev1.VolumeMountArgs {
	mount := Mount(volume, path)
	mount.ReadOnly = pulumi.Bool(true)
	return mount
}

// SecretVolume has one file per key of a Secret, which the pod's group may read.
func SecretVolume(name, secret string) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:   pulumi.String(name),
		Secret: &corev1.SecretVolumeSourceArgs{SecretName: pulumi.String(secret), DefaultMode: pulumi.Int(0o440)},
	}
}
