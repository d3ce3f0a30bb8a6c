package api

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StrimziPodSet is a set of pods that are written out one by one. Strimzi uses it where others use a StatefulSet, so
// that the nodes of a pool may have any numbers.
type StrimziPodSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              PodSetSpec   `json:"spec"`
	Status            PodSetStatus `json:"status,omitempty"`
}

// StrimziPodSetList is what the API server lists.
type StrimziPodSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StrimziPodSet `json:"items"`
}

// PodSetSpec is the set as it should be.
type PodSetSpec struct {
	Selector *metav1.LabelSelector `json:"selector"`
	Pods     []corev1.Pod          `json:"pods"`
}

// PodSetStatus counts the pods: all, those that are ready, and those of the newest revision.
type PodSetStatus struct {
	Conditions         []Condition `json:"conditions,omitempty"`
	ObservedGeneration int64       `json:"observedGeneration,omitempty"`
	Pods               int32       `json:"pods"`
	ReadyPods          int32       `json:"readyPods"`
	CurrentPods        int32       `json:"currentPods"`
}
