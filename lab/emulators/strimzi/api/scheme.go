package api

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Version is the only one of Strimzi's versions that the emulator reads.
var Version = schema.GroupVersion{Group: "kafka.strimzi.io", Version: "v1beta2"}

// PodSetVersion is the one of StrimziPodSet.
var PodSetVersion = schema.GroupVersion{Group: "core.strimzi.io", Version: "v1beta2"}

// Labels and annotations of Strimzi's.
const (
	NameLabel           = "strimzi.io/name"
	KindLabel           = "strimzi.io/kind"
	PoolLabel           = "strimzi.io/pool-name"
	PodLabel            = "strimzi.io/pod-name"
	PodSetLabel         = "strimzi.io/controller-name"
	ClusterLabel        = "strimzi.io/cluster"
	KRaftAnnotation     = "strimzi.io/kraft"
	NodePoolsAnnotation = "strimzi.io/node-pools"
	ManagedAnnotation   = "strimzi.io/managed"
	PauseAnnotation     = "strimzi.io/pause-reconciliation"
	SkipCheckAnnotation = "strimzi.io/skip-broker-scaledown-check"
	TopicFinalizer      = "strimzi.io/topic-operator"
)

// Kinds as the API server names them.
const (
	KafkaKind = "Kafka"
	PoolKind  = "KafkaNodePool"
	TopicKind = "KafkaTopic"
	UserKind  = "KafkaUser"
	SetKind   = "StrimziPodSet"
)

// AddToScheme registers the types.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(Version, &Kafka{}, &KafkaList{}, &KafkaNodePool{}, &KafkaNodePoolList{},
		&KafkaTopic{}, &KafkaTopicList{}, &KafkaUser{}, &KafkaUserList{})
	s.AddKnownTypes(PodSetVersion, &StrimziPodSet{}, &StrimziPodSetList{})
	metav1.AddToGroupVersion(s, Version)
	metav1.AddToGroupVersion(s, PodSetVersion)
	return nil
}

// copied is a deep copy by way of JSON: a handful of small objects do not need generated code. These types always
// have a JSON form and come from one, so that neither way can fail.
func copied[T any](from *T) *T {
	to := new(T)
	body, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(body, to)
	}
	if err != nil {
		panic(err)
	}
	return to
}

// DeepCopyObject is a copy that shares nothing.
func (k *Kafka) DeepCopyObject() runtime.Object { return copied(k) }

// DeepCopyObject is a copy that shares nothing.
func (k *KafkaList) DeepCopyObject() runtime.Object { return copied(k) }

// DeepCopyObject is a copy that shares nothing.
func (p *KafkaNodePool) DeepCopyObject() runtime.Object { return copied(p) }

// DeepCopyObject is a copy that shares nothing.
func (p *KafkaNodePoolList) DeepCopyObject() runtime.Object { return copied(p) }

// DeepCopyObject is a copy that shares nothing.
func (t *KafkaTopic) DeepCopyObject() runtime.Object { return copied(t) }

// DeepCopyObject is a copy that shares nothing.
func (t *KafkaTopicList) DeepCopyObject() runtime.Object { return copied(t) }

// DeepCopyObject is a copy that shares nothing.
func (u *KafkaUser) DeepCopyObject() runtime.Object { return copied(u) }

// DeepCopyObject is a copy that shares nothing.
func (u *KafkaUserList) DeepCopyObject() runtime.Object { return copied(u) }

// DeepCopyObject is a copy that shares nothing.
func (p *StrimziPodSet) DeepCopyObject() runtime.Object { return copied(p) }

// DeepCopyObject is a copy that shares nothing.
func (p *StrimziPodSetList) DeepCopyObject() runtime.Object { return copied(p) }
