package strimzi

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// clusterResource is the name of the one resource of type cluster.
const clusterResource = "kafka-cluster"

// acls are a user's rules in Kafka's terms, one per operation.
func acls(user *api.KafkaUser) ([]admin.ACL, error) {
	a := user.Spec.Authorization
	if a == nil {
		return nil, nil
	}
	if a.Type != "simple" {
		return nil, invalid("InvalidResourceException", "authorization "+a.Type+" is not simple")
	}
	var all []admin.ACL
	for _, rule := range a.ACLs {
		compiled, err := compile(rule)
		if err != nil {
			return nil, invalid("InvalidResourceException", err.Error())
		}
		all = append(all, compiled...)
	}
	return all, nil
}

func compile(rule api.ACL) ([]admin.ACL, error) {
	one := admin.ACL{Name: rule.Resource.Name, Host: orElse(rule.Host, "*"), Pattern: kmsg.ACLResourcePatternTypeLiteral}
	var err error
	if one.Resource, err = kmsg.ParseACLResourceType(rule.Resource.Type); err != nil {
		return nil, err
	}
	if one.Resource == kmsg.ACLResourceTypeCluster {
		one.Name = clusterResource
	}
	// Strimzi says prefix, Kafka says prefixed.
	if rule.Resource.PatternType == "prefix" {
		one.Pattern = kmsg.ACLResourcePatternTypePrefixed
	}
	if one.Permission, err = kmsg.ParseACLPermissionType(orElse(rule.Type, "allow")); err != nil {
		return nil, err
	}
	operations := rule.Operations
	if rule.Operation != "" {
		operations = append([]string{rule.Operation}, operations...)
	}
	var all []admin.ACL
	for _, name := range operations {
		if one.Operation, err = kmsg.ParseACLOperation(strings.TrimSpace(name)); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// quotas are a user's limits by their Kafka names.
func quotas(q *api.Quotas) map[string]float64 {
	if q == nil {
		return nil
	}
	all := map[string]float64{}
	for name, value := range map[string]*float64{
		"producer_byte_rate":       q.ProducerByteRate,
		"consumer_byte_rate":       q.ConsumerByteRate,
		"request_percentage":       q.RequestPercentage,
		"controller_mutation_rate": q.ControllerMutationRate,
	} {
		if value != nil {
			all[name] = *value
		}
	}
	return all
}
