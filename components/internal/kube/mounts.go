package kube

import (
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
)

// secretMode lets the owner and the group of the pod read, and nobody else.
const secretMode = 0o440

func volumeMounts(mounts []k8s.Mount) corev1.VolumeMountArray {
	list := corev1.VolumeMountArray{}
	for _, m := range mounts {
		if m.EmptyDir != "" {
			list = append(list, Mount(m.Name, m.Path))
			continue
		}
		list = append(list, ReadOnlyMount(m.Name, m.Path))
	}
	return list
}

func volumes(mounts []k8s.Mount) corev1.VolumeArray {
	list := corev1.VolumeArray{}
	for _, m := range mounts {
		list = append(list, volume(m))
	}
	return list
}

func volume(m k8s.Mount) *corev1.VolumeArgs {
	if m.EmptyDir != "" {
		return EmptyDir(m.Name, m.EmptyDir)
	}
	v := &corev1.VolumeArgs{Name: pulumi.String(m.Name)}
	switch {
	case m.ConfigMap != nil:
		v.ConfigMap = &corev1.ConfigMapVolumeSourceArgs{Name: m.ConfigMap.ToStringOutput()}
	case m.Secret != nil:
		v.Secret = &corev1.SecretVolumeSourceArgs{
			SecretName:  m.Secret.ToStringOutput(),
			DefaultMode: pulumi.Int(secretMode),
		}
	default:
		v.Projected = &corev1.ProjectedVolumeSourceArgs{
			Sources:     projections(m.Secrets),
			DefaultMode: pulumi.Int(secretMode),
		}
	}
	return v
}

func projections(secrets []k8s.SecretFiles) corev1.VolumeProjectionArray {
	list := corev1.VolumeProjectionArray{}
	for _, s := range secrets {
		items := corev1.KeyToPathArray{}
		for _, key := range slices.Sorted(maps.Keys(s.Files)) {
			items = append(items, &corev1.KeyToPathArgs{Key: pulumi.String(key), Path: pulumi.String(s.Files[key])})
		}
		list = append(list, &corev1.VolumeProjectionArgs{
			Secret: &corev1.SecretProjectionArgs{Name: s.Secret.ToStringOutput(), Items: items},
		})
	}
	return list
}
