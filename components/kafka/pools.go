package kafka

// poolSpec is a KafkaNodePool's spec.
func poolSpec(cluster string, p Pool) object {
	roles := make(list, len(p.Roles))
	for i, role := range p.Roles {
		roles[i] = string(role)
	}
	return object{
		"replicas":  p.Replicas,
		"roles":     roles,
		"storage":   storage(p.Storage),
		"resources": resources(p.Resources),
		"template": object{
			"pod": object{
				"topologySpreadConstraints": spread(cluster, p),
				// A broker hands its partitions over before it stops.
				"terminationGracePeriodSeconds": 120,
			},
			"kafkaContainer": restricted(),
			"initContainer":  restricted(),
		},
	}
}

// storage is a list of one volume: Kafka 3.7 takes no more in KRaft mode, and a
// list can grow after an upgrade where a single volume cannot become one.
func storage(s Storage) object {
	volume := object{"id": 0, "kraftMetadata": "shared"}
	if s.Ephemeral {
		volume["type"] = "ephemeral"
		volume["sizeLimit"] = s.Size
	} else {
		volume["type"] = "persistent-claim"
		volume["size"] = s.Size
		volume["deleteClaim"] = false
		if s.Class != "" {
			volume["class"] = s.Class
		}
	}
	return object{"type": "jbod", "volumes": list{volume}}
}

func spread(cluster string, p Pool) list {
	constraint := func(key, otherwise string) object {
		return object{
			"maxSkew":           1,
			"topologyKey":       key,
			"whenUnsatisfiable": otherwise,
			"labelSelector": matchLabels(map[string]string{
				"strimzi.io/cluster":   cluster,
				"strimzi.io/pool-name": p.Name,
			}),
		}
	}
	otherwise := "ScheduleAnyway"
	if p.RequireSpread {
		otherwise = "DoNotSchedule"
	}
	return list{
		constraint("topology.kubernetes.io/zone", "ScheduleAnyway"),
		constraint("kubernetes.io/hostname", otherwise),
	}
}
