package api

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// KafkaTopic is one topic.
type KafkaTopic struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              TopicSpec   `json:"spec"`
	Status            TopicStatus `json:"status,omitempty"`
}

// KafkaTopicList is what the API server lists.
type KafkaTopicList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KafkaTopic `json:"items"`
}

// TopicSpec is the topic as it should be.
type TopicSpec struct {
	TopicName  string `json:"topicName,omitempty"`
	Partitions int32  `json:"partitions,omitempty"`
	Replicas   int16  `json:"replicas,omitempty"`
	Config     Config `json:"config,omitempty"`
}

// TopicStatus is the topic as it is.
type TopicStatus struct {
	Conditions         []Condition `json:"conditions,omitempty"`
	ObservedGeneration int64       `json:"observedGeneration,omitempty"`
	TopicName          string      `json:"topicName,omitempty"`
	TopicID            string      `json:"topicId,omitempty"`
}

// Name is the topic's in Kafka.
func (t *KafkaTopic) Name() string {
	if t.Spec.TopicName != "" {
		return t.Spec.TopicName
	}
	return t.ObjectMeta.Name
}

// KafkaUser is one client.
type KafkaUser struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              UserSpec   `json:"spec"`
	Status            UserStatus `json:"status,omitempty"`
}

// KafkaUserList is what the API server lists.
type KafkaUserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KafkaUser `json:"items"`
}

// UserSpec is the client as it should be.
type UserSpec struct {
	Authentication *Type          `json:"authentication,omitempty"`
	Authorization  *Authorization `json:"authorization,omitempty"`
	Quotas         *Quotas        `json:"quotas,omitempty"`
}

// Authorization is what the client may do.
type Authorization struct {
	Type string `json:"type"`
	ACLs []ACL  `json:"acls"`
}

// ACL is one rule.
type ACL struct {
	Type       string      `json:"type,omitempty"`
	Host       string      `json:"host,omitempty"`
	Operation  string      `json:"operation,omitempty"`
	Operations []string    `json:"operations,omitempty"`
	Resource   ACLResource `json:"resource"`
}

// ACLResource is what a rule is about.
type ACLResource struct {
	Type        string `json:"type"`
	Name        string `json:"name,omitempty"`
	PatternType string `json:"patternType,omitempty"`
}

// Quotas limit one client on each broker.
type Quotas struct {
	ProducerByteRate       *float64 `json:"producerByteRate,omitempty"`
	ConsumerByteRate       *float64 `json:"consumerByteRate,omitempty"`
	RequestPercentage      *float64 `json:"requestPercentage,omitempty"`
	ControllerMutationRate *float64 `json:"controllerMutationRate,omitempty"`
}

// UserStatus is the client as it is.
type UserStatus struct {
	Conditions         []Condition `json:"conditions,omitempty"`
	ObservedGeneration int64       `json:"observedGeneration,omitempty"`
	Username           string      `json:"username,omitempty"`
	Secret             string      `json:"secret,omitempty"`
}
