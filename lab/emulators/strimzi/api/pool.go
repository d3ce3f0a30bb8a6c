package api

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Roles of a node.
const (
	Controller = "controller"
	Broker     = "broker"
)

// KafkaNodePool is a set of equal nodes.
type KafkaNodePool struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              PoolSpec   `json:"spec"`
	Status            PoolStatus `json:"status,omitempty"`
}

// KafkaNodePoolList is what the API server lists.
type KafkaNodePoolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KafkaNodePool `json:"items"`
}

// PoolSpec is the pool as it should be.
type PoolSpec struct {
	Replicas  int32                        `json:"replicas"`
	Roles     []string                     `json:"roles"`
	Storage   Storage                      `json:"storage"`
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	Template  PoolTemplate                 `json:"template,omitempty"`
}

// Storage of one node.
type Storage struct {
	Type    string   `json:"type"`
	Volumes []Volume `json:"volumes,omitempty"`
	Volume  `json:",inline"`
}

// Volume is one disk.
type Volume struct {
	ID          int32  `json:"id,omitempty"`
	Type        string `json:"type,omitempty"`
	Size        string `json:"size,omitempty"`
	SizeLimit   string `json:"sizeLimit,omitempty"`
	Class       string `json:"class,omitempty"`
	DeleteClaim bool   `json:"deleteClaim,omitempty"`
	// KraftMetadata is "shared" on the volume that has the metadata log too.
	KraftMetadata string `json:"kraftMetadata,omitempty"`
}

// PoolTemplate changes the pods that are made for the pool.
type PoolTemplate struct {
	Pod            PodTemplate       `json:"pod,omitempty"`
	KafkaContainer ContainerTemplate `json:"kafkaContainer,omitempty"`
}

// PodTemplate changes pods as a whole.
type PodTemplate struct {
	ImagePullSecrets              []corev1.LocalObjectReference     `json:"imagePullSecrets,omitempty"`
	TopologySpreadConstraints     []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	TerminationGracePeriodSeconds *int64                            `json:"terminationGracePeriodSeconds,omitempty"`
}

// PoolStatus is the pool as it is.
type PoolStatus struct {
	Conditions         []Condition `json:"conditions,omitempty"`
	ObservedGeneration int64       `json:"observedGeneration,omitempty"`
	NodeIDs            []int32     `json:"nodeIds,omitempty"`
	ClusterID          string      `json:"clusterId,omitempty"`
	Roles              []string    `json:"roles,omitempty"`
	Replicas           int32       `json:"replicas,omitempty"`
	LabelSelector      string      `json:"labelSelector,omitempty"`
}
