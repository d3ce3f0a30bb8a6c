package stack

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/service"
)

// KEDA scales the services that have triggers: version 2.17 or newer.
type KEDA struct {
	// Namespace where KEDA's operator runs. If a service has triggers.lag, Kafka admits the
	// operator's pods from there (label app=keda-operator, as KEDA's chart sets it).
	Namespace string `json:"namespace" default:"keda" format:"label"`
	// Prometheus is the address that the operator queries for the triggers connections,
	// requests and queries; anything that answers PromQL will do. Each of them requires it.
	// Default: none.
	Prometheus string `json:"prometheus" format:"url"`
}

// namespaceNamed has the label that Kubernetes gives each namespace.
func namespaceNamed(name string) pulumi.StringMap {
	return pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String(name)}
}

// operator are KEDA's pods.
func (k KEDA) operator() k8s.Peer {
	return k8s.Peer{
		Namespaces: namespaceNamed(k.Namespace),
		Pods:       pulumi.StringMap{"app": pulumi.String("keda-operator")},
	}
}

// withKEDA adds KEDA to those who may connect to Kafka. Nobody in the list stands for
// every pod of the namespace, which has to be said then.
func (c *Config) withKEDA(peers []k8s.Peer) []k8s.Peer {
	if !slices.ContainsFunc(c.services(), Service.watchesLag) {
		return peers
	}
	if len(peers) == 0 {
		peers = []k8s.Peer{{Namespaces: namespaceNamed(c.Namespace)}}
	}
	return slices.Concat(peers, []k8s.Peer{c.KEDA.operator()})
}

// completeLag takes what the service consumes for what it may lag behind with.
func (s *Service) completeLag() {
	if !s.watchesLag() || s.Uses.Consume == nil {
		return
	}
	triggers, lag := *s.Triggers, *s.Triggers.Lag
	if lag.Group == "" {
		lag.Group = s.Uses.Consume.Group
	}
	if len(lag.Topics) == 0 {
		lag.Topics = s.Uses.Consume.Topics
	}
	triggers.Lag = &lag
	s.Triggers = &triggers
}

func (s Service) watchesLag() bool { return s.Triggers != nil && s.Triggers.Lag != nil }

// lagUserName is the Kafka user with which KEDA reads the service's lag.
func (s Service) lagUserName() string { return s.Name + "-lag" }

// lagUser sees how far the topics are written and the group has read, and no message.
func (s Service) lagUser() kafka.User {
	return kafka.User{Name: s.lagUserName(), DescribeTopics: s.Triggers.Lag.Topics, DescribeGroups: []string{s.Triggers.Lag.Group}}
}

// sources are where KEDA reads the service's triggers.
func (c *Config) sources(s Service, w wiring) service.Sources {
	from := service.Sources{Prometheus: c.KEDA.Prometheus}
	if s.watchesLag() {
		from.Bootstrap, from.CASecret = w.kafkaBootstrap, w.kafkaCA
		from.User, from.UserSecret = s.lagUserName(), w.kafkaUsers[s.lagUserName()]
	}
	return from
}

// checkTriggers refuses triggers that could not be read.
func (c *Config) checkTriggers() field.ErrorList {
	var errs field.ErrorList
	asks := ""
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[key]
		if s.Triggers == nil {
			continue
		}
		path := servicePath(key).Child("triggers")
		errs = append(errs, s.checkExported(path)...)
		if s.watchesLag() {
			errs = append(errs, c.checkLag(path.Child("lag"), s)...)
		}
		if asks == "" && s.NeedsPrometheus() {
			asks = key
		}
	}
	if asks != "" && c.KEDA.Prometheus == "" {
		errs = append(errs, field.Required(sectionPath("keda").Child("prometheus"),
			fmt.Sprintf("the address that KEDA asks, such as http://prometheus.monitoring:9090: a trigger of service %s is read there", asks)))
	}
	return errs
}

// checkExported refuses triggers on what the pods do not tell.
func (s Service) checkExported(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if s.Triggers.Connections != nil && !s.hasPool() {
		errs = append(errs, field.Forbidden(path.Child("connections"), "needs uses.shards: the service has no connections"))
	}
	if s.Triggers.Requests != nil && s.Port == 0 {
		errs = append(errs, field.Forbidden(path.Child("requests"), "needs port: nobody sends the service a request"))
	}
	if s.MetricsPort == 0 {
		const why = "needs metricsPort: the pods tell nobody"
		if s.Triggers.Connections != nil {
			errs = append(errs, field.Forbidden(path.Child("connections"), why))
		}
		if s.Triggers.Requests != nil {
			errs = append(errs, field.Forbidden(path.Child("requests"), why))
		}
	}
	return errs
}

// checkLag keeps the rights of KEDA's user to what the service consumes.
func (c *Config) checkLag(path *field.Path, s Service) field.ErrorList {
	consume := s.Uses.Consume
	if consume == nil {
		return field.ErrorList{field.Forbidden(path, "needs uses.consume: the service reads no topic")}
	}
	var errs field.ErrorList
	lag := s.Triggers.Lag
	if lag.Group != consume.Group {
		errs = append(errs, field.Invalid(path.Child("group"), lag.Group, "must be the service's own group "+consume.Group))
	}
	for i, topic := range lag.Topics {
		if !slices.Contains(consume.Topics, topic) {
			errs = append(errs, field.Invalid(path.Child("topics").Index(i), topic, "must be one of uses.consume.topics"))
		}
	}
	taken := func(user kafka.User) bool { return user.Name == s.lagUserName() }
	if slices.ContainsFunc(c.Kafka.Users, taken) || slices.ContainsFunc(c.services(), func(o Service) bool { return o.Name == s.lagUserName() && o.usesKafka() }) {
		errs = append(errs, field.Forbidden(path, fmt.Sprintf("needs the Kafka user %s, which is somebody else's: give that one another name", s.lagUserName())))
	}
	return errs
}
