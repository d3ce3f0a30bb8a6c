package strimzi

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// roll restarts pods of an older revision one by one, and only while all others are ready. A pod that is not ready goes
// first: it has nothing to lose (KafkaRoller). It comes back without an error once every pod is new and ready.
func (r *clusters) roll(ctx context.Context, sets []*api.StrimziPodSet) error {
	var old, unready []*corev1.Pod
	for _, set := range sets {
		for _, want := range set.Spec.Pods {
			pod := &corev1.Pod{}
			err := r.Fresh.Get(ctx, types.NamespacedName{Namespace: want.Namespace, Name: want.Name}, pod)
			if isGone(err) {
				pod = &corev1.Pod{ObjectMeta: want.ObjectMeta}
			} else if err != nil {
				return err
			}
			if pod.Annotations[nodes.Revision] != want.Annotations[nodes.Revision] {
				old = append(old, pod)
			}
			if !podReady(pod) {
				unready = append(unready, pod)
			}
		}
	}
	next := candidate(old, unready)
	if next != nil {
		if err := r.Delete(ctx, next); err != nil && !isGone(err) {
			return err
		}
		return waiting(fmt.Sprintf("pod %s restarts: it is of an older revision", next.Name))
	}
	if len(unready) > 0 {
		return waiting(fmt.Sprintf("pod %s is not ready", unready[0].Name))
	}
	return nil
}

// candidate is the pod to restart now.
func candidate(old, unready []*corev1.Pod) *corev1.Pod {
	for _, pod := range old {
		if slices.Contains(unready, pod) && pod.DeletionTimestamp.IsZero() {
			return pod
		}
	}
	if len(old) > 0 && len(unready) == 0 {
		return old[0]
	}
	return nil
}

func podReady(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp.IsZero() && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
