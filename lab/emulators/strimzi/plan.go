package strimzi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

const (
	kafkaVersion    = "3.7.1"
	metadataVersion = "3.7-IV4"
)

// check refuses what the emulator cannot run, rather than run something else.
func check(k *api.Kafka) error {
	spec := k.Spec.Kafka
	for _, name := range []string{api.KRaftAnnotation, api.NodePoolsAnnotation} {
		if k.Annotations[name] != "enabled" {
			return invalid("InvalidResourceException", name+" is not enabled, and ZooKeeper is not there")
		}
	}
	if v := spec.Version; v != "" && v != kafkaVersion {
		return invalid("UnsupportedKafkaVersionException", v+" is not "+kafkaVersion+", the one version of the lab")
	}
	if v := spec.MetadataVersion; v != "" && v != metadataVersion {
		return invalid("UnsupportedKafkaVersionException", "metadataVersion "+v+" is not "+metadataVersion)
	}
	if a := spec.Authorization; a == nil || a.Type != "simple" {
		return invalid("InvalidResourceException", "authorization is not simple")
	}
	for _, l := range spec.Listeners {
		if err := checkListener(l); err != nil {
			return err
		}
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
		"kafkaExporter": k.Spec.KafkaExporter != nil,
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
	return []api.Condition{api.Is(api.Warning, "Emulator", "the lab's emulator of the Strimzi operator does not serve "+strings.Join(missing, ", "))}
}

// number gives every node a number. Nodes of one pool follow one another, and keep their numbers.
func number(pools []api.KafkaNodePool) ([]nodes.Pool, error) {
	if len(pools) == 0 {
		return nil, waiting("no KafkaNodePool is there")
	}
	slices.SortFunc(pools, func(a, b api.KafkaNodePool) int { return cmp.Compare(a.Name, b.Name) })
	next, taken := int32(0), map[int32]string{}
	for _, p := range pools {
		for _, id := range p.Status.NodeIDs {
			next, taken[id] = max(next, id+1), p.Name
		}
	}
	var all []nodes.Pool
	for i := range pools {
		p := nodes.Pool{KafkaNodePool: &pools[i]}
		if err := keepable(p); err != nil {
			return nil, err
		}
		first := next
		if len(p.Status.NodeIDs) > 0 {
			first = p.Status.NodeIDs[0]
		}
		for id := first; id < first+p.Spec.Replicas; id++ {
			if other := taken[id]; other != "" && other != p.Name {
				return nil, invalid("Emulator", fmt.Sprintf("pool %s cannot grow: node %d is in pool %s", p.Name, id, other))
			}
			taken[id] = p.Name
			p.IDs = append(p.IDs, id)
		}
		next = max(next, first+p.Spec.Replicas)
		all = append(all, p)
	}
	return all, nil
}

// keepable refuses a size that would take messages or votes away.
func keepable(p nodes.Pool) error {
	had, want := int32(len(p.Status.NodeIDs)), p.Spec.Replicas
	switch {
	case len(p.Spec.Storage.Volumes) > 1:
		return invalid("InvalidResourceException", "pool "+p.Name+": Kafka 3.7 takes one volume per node")
	case had == 0 || had == want:
		return nil
	case want < had:
		return invalid("Emulator", fmt.Sprintf("pool %s: %d nodes cannot become %d, their messages would be gone", p.Name, had, want))
	case p.Is(api.Controller):
		return invalid("Emulator", "pool "+p.Name+": Kafka 3.7 cannot add controllers")
	}
	return nil
}
