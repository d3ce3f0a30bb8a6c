package api

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kafka is one cluster.
type Kafka struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              KafkaSpec   `json:"spec"`
	Status            KafkaStatus `json:"status,omitempty"`
}

// KafkaList is what the API server lists.
type KafkaList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Kafka `json:"items"`
}

// KafkaSpec is the cluster as it should be.
type KafkaSpec struct {
	Kafka          Brokers         `json:"kafka"`
	EntityOperator *EntityOperator `json:"entityOperator,omitempty"`
	KafkaExporter  *KafkaExporter  `json:"kafkaExporter,omitempty"`
	// CruiseControl is only read to say that it does not run.
	CruiseControl *Unserved `json:"cruiseControl,omitempty"`
}

// EntityOperator runs the operators of topics and of users. Without one of them its resources are nobody's.
type EntityOperator struct {
	TopicOperator *Operator      `json:"topicOperator,omitempty"`
	UserOperator  *Operator      `json:"userOperator,omitempty"`
	Template      EntityTemplate `json:"template,omitempty"`
}

// Operator is one container of the entity operator's pod.
type Operator struct {
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// SecretPrefix goes before the names of users' Secrets. Only the user operator has it.
	SecretPrefix string `json:"secretPrefix,omitempty"`
}

// EntityTemplate changes the entity operator's pod. Of Pod only the pull secrets count.
type EntityTemplate struct {
	Pod                    PodTemplate       `json:"pod,omitempty"`
	TopicOperatorContainer ContainerTemplate `json:"topicOperatorContainer,omitempty"`
	UserOperatorContainer  ContainerTemplate `json:"userOperatorContainer,omitempty"`
}

// KafkaExporter tells the lag of consumer groups. An expression that is missing takes every name, or leaves none out.
type KafkaExporter struct {
	TopicRegex        string                       `json:"topicRegex,omitempty"`
	GroupRegex        string                       `json:"groupRegex,omitempty"`
	TopicExcludeRegex string                       `json:"topicExcludeRegex,omitempty"`
	GroupExcludeRegex string                       `json:"groupExcludeRegex,omitempty"`
	Resources         *corev1.ResourceRequirements `json:"resources,omitempty"`
	Template          ExporterTemplate             `json:"template,omitempty"`
}

// ExporterTemplate changes the exporter's pod. Of Pod only the pull secrets count.
type ExporterTemplate struct {
	Pod       PodTemplate       `json:"pod,omitempty"`
	Container ContainerTemplate `json:"container,omitempty"`
}

// ContainerTemplate changes one container.
type ContainerTemplate struct {
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	Env             []corev1.EnvVar         `json:"env,omitempty"`
}

// Unserved is a part that the emulator does not act on.
type Unserved struct{}

// Brokers are the settings of all nodes.
type Brokers struct {
	Version         string           `json:"version,omitempty"`
	MetadataVersion string           `json:"metadataVersion,omitempty"`
	Listeners       []Listener       `json:"listeners"`
	Authorization   *Type            `json:"authorization,omitempty"`
	Config          Config           `json:"config,omitempty"`
	Rack            *Unserved        `json:"rack,omitempty"`
	MetricsConfig   *MetricsConfig   `json:"metricsConfig,omitempty"`
	Template        *BrokersTemplate `json:"template,omitempty"`
}

// MetricsConfig says where the rules of the Prometheus JMX exporter are, as YAML in a ConfigMap.
type MetricsConfig struct {
	// Type is always jmxPrometheusExporter.
	Type      string `json:"type"`
	ValueFrom struct {
		ConfigMapKeyRef corev1.ConfigMapKeySelector `json:"configMapKeyRef"`
	} `json:"valueFrom"`
}

// Type is an object of which only the type matters.
type Type struct {
	Type string `json:"type"`
}

// Listener is one port for clients.
type Listener struct {
	Name               string                           `json:"name"`
	Port               int32                            `json:"port"`
	Type               string                           `json:"type"`
	TLS                bool                             `json:"tls"`
	Authentication     *Type                            `json:"authentication,omitempty"`
	NetworkPolicyPeers []networkingv1.NetworkPolicyPeer `json:"networkPolicyPeers,omitempty"`
}

// BrokersTemplate changes objects that are made for the cluster.
type BrokersTemplate struct {
	PodDisruptionBudget *struct {
		// MaxUnavailable is a number of nodes. Default: 1.
		MaxUnavailable *int32 `json:"maxUnavailable,omitempty"`
	} `json:"podDisruptionBudget,omitempty"`
}

// KafkaStatus is the cluster as it is.
type KafkaStatus struct {
	Conditions           []Condition      `json:"conditions,omitempty"`
	ObservedGeneration   int64            `json:"observedGeneration,omitempty"`
	Listeners            []ListenerStatus `json:"listeners,omitempty"`
	KafkaNodePools       []PoolReference  `json:"kafkaNodePools,omitempty"`
	ClusterID            string           `json:"clusterId,omitempty"`
	KafkaVersion         string           `json:"kafkaVersion,omitempty"`
	KafkaMetadataVersion string           `json:"kafkaMetadataVersion,omitempty"`
	KafkaMetadataState   string           `json:"kafkaMetadataState,omitempty"`
}

// ListenerStatus is where clients connect.
type ListenerStatus struct {
	Name             string    `json:"name"`
	Addresses        []Address `json:"addresses"`
	BootstrapServers string    `json:"bootstrapServers"`
	Certificates     []string  `json:"certificates,omitempty"`
}

// Address is one host and port.
type Address struct {
	Host string `json:"host"`
	Port int32  `json:"port"`
}

// PoolReference names a pool.
type PoolReference struct {
	Name string `json:"name"`
}
