package strimzi

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// check refuses what the emulator cannot run, rather than run something else.
func check(k *api.Kafka) error {
	spec := k.Spec.Kafka
	for _, name := range []string{api.KRaftAnnotation, api.NodePoolsAnnotation} {
		if k.Annotations[name] != "enabled" {
			return invalid("InvalidResourceException", name+" is not enabled, and ZooKeeper is not there")
		}
	}
	if v := spec.Version; v != "" && v != nodes.KafkaVersion {
		return invalid("UnsupportedKafkaVersionException", v+" is not "+nodes.KafkaVersion+", the one version of the lab")
	}
	if v := spec.MetadataVersion; v != "" && v != nodes.MetadataVersion {
		return invalid("UnsupportedKafkaVersionException", "metadataVersion "+v+" is not "+nodes.MetadataVersion)
	}
	if a := spec.Authorization; a == nil || a.Type != "simple" {
		return invalid("InvalidResourceException", "authorization is not simple")
	}
	names, ports := map[string]bool{}, map[int32]bool{}
	for _, l := range spec.Listeners {
		if err := checkListener(l); err != nil {
			return err
		}
		// ListenersValidator
		if names[l.Name] || ports[l.Port] || l.Port < 9092 || l.Port == 9404 || l.Port == 9999 {
			return invalid("InvalidResourceException", fmt.Sprintf("every listener needs to have a unique name and a unique port number; port %d is taken or forbidden", l.Port))
		}
		names[l.Name], ports[l.Port] = true, true
	}
	return nil
}

func checkListener(l api.Listener) error {
	wrong := func(what string) error {
		return invalid("InvalidResourceException", "listener "+l.Name+": "+what)
	}
	if l.Type != "internal" {
		return wrong("type " + l.Type + " is not internal")
	}
	if l.Authentication == nil || l.Authentication.Type != nodes.Scram && l.Authentication.Type != nodes.Certificate {
		return wrong("authentication is neither " + nodes.Scram + " nor " + nodes.Certificate)
	}
	if l.Authentication.Type == nodes.Certificate && !l.TLS {
		return wrong("certificates need tls")
	}
	return nil
}

// warnings say what the resource asks for and does not get.
func warnings(k *api.Kafka) []api.Condition {
	var missing []string
	for name, asked := range map[string]bool{
		"cruiseControl": k.Spec.CruiseControl != nil,
		"rack":          k.Spec.Kafka.Rack != nil,
	} {
		if asked {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return []api.Condition{api.Is(api.Warning, "Emulator", "the lab's emulator of the Strimzi operator does not run "+strings.Join(missing, ", "))}
}

// checkPools follows NodePoolUtils.validateNodePools.
func checkPools(k *api.Kafka, pools []api.KafkaNodePool) error {
	roles := map[string]bool{}
	for _, p := range pools {
		if err := checkPool(p); err != nil {
			return err
		}
		if p.Spec.Replicas > 0 {
			for _, role := range p.Spec.Roles {
				roles[role] = true
			}
		}
	}
	if len(roles) == 0 {
		return invalid("InvalidResourceException", "KafkaNodePools are enabled, but KafkaNodePools for Kafka cluster "+k.Name+" either don't exist or have 0 replicas.")
	}
	for _, role := range []string{api.Broker, api.Controller} {
		if !roles[role] {
			return invalid("InvalidResourceException", "The Kafka cluster "+k.Name+" is invalid: At least one KafkaNodePool with the "+role+
				" role and at least one replica is required when KRaft mode is enabled")
		}
	}
	return nil
}

// checkPool follows KafkaPool.fromCrd, with ModelUtils.validateComputeResources and StorageUtils.validatePersistentStorage.
func checkPool(p api.KafkaNodePool) error {
	wrong := func(format string, args ...any) error {
		return invalid("InvalidResourceException", fmt.Sprintf(format, args...))
	}
	if len(p.Spec.Roles) == 0 {
		return wrong("KafkaNodePool %s has no role defined in .spec.roles", p.Name)
	}
	if p.Spec.Storage.Type == "jbod" && len(p.Spec.Storage.Volumes) == 0 {
		return wrong("JbodStorage needs to contain at least one volume (KafkaNodePool.spec.storage)")
	}
	for _, volume := range append(slices.Clone(p.Spec.Storage.Volumes), p.Spec.Storage.Volume) {
		if volume.Type == "persistent-claim" && volume.Size == "" {
			return wrong("The size is mandatory for a persistent-claim storage (KafkaNodePool.spec.storage)")
		}
	}
	if p.Spec.Resources == nil {
		return nil
	}
	for _, kind := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, asked := p.Spec.Resources.Requests[kind]
		limit, limited := p.Spec.Resources.Limits[kind]
		switch {
		case asked && request.Sign() <= 0:
			return wrong("[KafkaNodePool.spec.resources %s request must be > zero]", kind)
		case limited && limit.Sign() <= 0:
			return wrong("[KafkaNodePool.spec.resources %s limit must be > zero]", kind)
		case asked && limited && request.Cmp(limit) > 0:
			return wrong("[KafkaNodePool.spec.resources %s request must be <= limit]", kind)
		}
	}
	return nil
}

// checkCopies follows KafkaCluster.validateIntConfigProperty.
func checkCopies(config api.Config, brokers int) error {
	for _, name := range []string{
		"default.replication.factor", "offsets.topic.replication.factor", "transaction.state.log.replication.factor", "transaction.state.log.min.isr",
	} {
		value, set := config[name]
		if !set {
			continue
		}
		if n, err := strconv.Atoi(string(value)); err != nil {
			return invalid("InvalidResourceException", "Property "+name+" should be an integer")
		} else if n > brokers {
			return invalid("InvalidResourceException", fmt.Sprintf("Kafka configuration option '%s' should be set to %d or less because this cluster has only %d Kafka broker(s).",
				name, brokers, brokers))
		}
	}
	return nil
}

// checkNodes refuses what only the nodes of all pools together show.
func checkNodes(c *nodes.Cluster) error {
	brokers := 0
	for _, p := range c.Pools {
		if err := controllersStay(p); err != nil {
			return err
		}
		if p.Is(api.Broker) {
			brokers += len(p.IDs)
		}
		for _, id := range p.IDs {
			// Strimzi leaves this to the API server: the pod's name is a label of its ConfigMap and of itself.
			if name := c.PodName(p, id); len(name) > validation.LabelValueMaxLength {
				return invalid("KubernetesClientException", fmt.Sprintf("metadata.labels: Invalid value: %q: must be no more than %d bytes", name, validation.LabelValueMaxLength))
			}
		}
	}
	if err := checkCopies(c.Spec.Kafka.Config, brokers); err != nil {
		return err
	}
	// CruiseControlMetricsReporter.validateCruiseControl
	if c.Spec.CruiseControl != nil && brokers < 2 {
		return invalid("InvalidResourceException", fmt.Sprintf("Kafka %s/%s has invalid configuration. Cruise Control cannot be deployed with a Kafka "+
			"cluster which has only one broker. It requires at least two Kafka brokers.", c.Namespace, c.Name))
	}
	return nil
}

// number gives every node a number, as NodeIdAssignor does: nodes keep theirs, a new one takes the lowest that is free
// in the whole cluster, and of too many the highest go. The annotations that choose numbers are not read.
func number(pools []api.KafkaNodePool) ([]nodes.Pool, error) {
	slices.SortFunc(pools, func(a, b api.KafkaNodePool) int { return cmp.Compare(a.Name, b.Name) })
	taken := map[int32]bool{}
	for _, p := range pools {
		for _, id := range p.Status.NodeIDs {
			if taken[id] {
				return nil, invalid("InvalidConfigurationException", fmt.Sprintf("Found duplicate node ID %d in node pool %s", id, p.Name))
			}
			taken[id] = true
		}
	}
	var all []nodes.Pool
	for i := range pools {
		p := nodes.Pool{KafkaNodePool: &pools[i], IDs: slices.Sorted(slices.Values(pools[i].Status.NodeIDs))}
		if want := int(p.Spec.Replicas); want < len(p.IDs) {
			p.IDs, p.Removed = p.IDs[:want], p.IDs[want:]
		}
		for next := int32(0); len(p.IDs) < int(p.Spec.Replicas); next++ {
			if !taken[next] {
				taken[next] = true
				p.IDs = append(p.IDs, next)
			}
		}
		slices.Sort(p.IDs)
		all = append(all, p)
	}
	return all, nil
}

// controllersStay is stricter than Strimzi 0.44.0, which documents that controllers cannot be scaled and then tries it:
// Kafka 3.7 has a fixed set of voters, and the cluster is lost.
func controllersStay(p nodes.Pool) error {
	if had := len(p.Status.NodeIDs); had > 0 && p.Is(api.Controller) && had != len(p.IDs) {
		return invalid("Emulator", fmt.Sprintf("pool %s: Kafka 3.7 cannot change the number of controllers from %d to %d", p.Name, had, len(p.IDs)))
	}
	return nil
}

// clusterID is the one that the cluster or one of its pools has, or a new one. It is in the pools' status before the
// first volume is formatted (NodePoolUtils.getOrGenerateKRaftClusterId).
func clusterID(k *api.Kafka, pools []api.KafkaNodePool) string {
	if k.Status.ClusterID != "" {
		return k.Status.ClusterID
	}
	for _, p := range pools {
		if p.Status.ClusterID != "" {
			return p.Status.ClusterID
		}
	}
	id := uuid.New()
	return base64.RawURLEncoding.EncodeToString(id[:])
}
