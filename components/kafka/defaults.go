package kafka

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// withDefaults returns a copy with every default filled in.
func (a *Args) withDefaults() *Args {
	var c Args
	if a != nil {
		c = *a
	}
	if c.Namespace == nil {
		c.Namespace = pulumi.String(kube.DefaultNamespace)
	}
	if c.WaitReady == nil {
		wait := true
		c.WaitReady = &wait
	}
	orString(&c.APIVersion, "kafka.strimzi.io/v1beta2")
	orString(&c.Version, "3.7.1")
	orString(&c.MetadataVersion, "3.7-IV4")
	orInt(&c.ReadyMinutes, 15)
	c.Operator = c.Operator.withDefaults()
	c.sizes()
	c.Pools = pools(c.Pools)
	orInt(&c.ReplicationFactor, max(1, min(3, c.count(Broker))))
	orInt(&c.MinInSync, max(1, c.ReplicationFactor-1))
	c.entities()
	return &c
}

func (o Operator) withDefaults() Operator {
	if o.Mode == "" {
		o.Mode = Present
	}
	orString(&o.Chart, "oci://quay.io/strimzi-helm/strimzi-kafka-operator")
	orString(&o.Version, "0.44.0")
	return o
}

func (a *Args) sizes() {
	a.EntityOperator = sized(a.EntityOperator, Resources{CPURequest: "50m", CPULimit: "500m", Memory: "512Mi"})
	if a.CruiseControl != nil {
		r := sized(*a.CruiseControl, Resources{CPURequest: "100m", CPULimit: "1", Memory: "1Gi"})
		a.CruiseControl = &r
	}
	if a.Exporter != nil {
		r := sized(*a.Exporter, Resources{CPURequest: "20m", CPULimit: "200m", Memory: "128Mi"})
		a.Exporter = &r
	}
}

func pools(given []Pool) []Pool {
	if len(given) == 0 {
		given = []Pool{
			{Name: "controllers", Roles: []Role{Controller}, Replicas: 3, Storage: Storage{Size: "20Gi"}},
			{Name: "brokers", Roles: []Role{Broker}, Replicas: 3},
		}
	}
	all := slices.Clone(given)
	for i := range all {
		orString(&all[i].Storage.Size, "100Gi")
		all[i].Resources = sized(all[i].Resources, Resources{CPURequest: "500m", CPULimit: "2", Memory: "2Gi"})
	}
	return all
}

func (a *Args) entities() {
	a.Topics = slices.Clone(a.Topics)
	for i := range a.Topics {
		t := &a.Topics[i]
		orInt(&t.Partitions, DefaultPartitions)
		orInt(&t.Replicas, a.ReplicationFactor)
		orInt(&t.MinInSync, max(1, t.Replicas-1))
		orInt(&t.RetentionHours, 168)
	}
	a.Users = slices.Clone(a.Users)
	for i := range a.Users {
		if a.Users[i].Authentication == "" {
			a.Users[i].Authentication = Scram
		}
	}
}

// count adds up the nodes that have the role.
func (a *Args) count(role Role) int {
	n := 0
	for _, pool := range a.Pools {
		if slices.Contains(pool.Roles, role) {
			n += max(0, pool.Replicas)
		}
	}
	return n
}

func sized(r, d Resources) Resources {
	orString(&r.CPURequest, d.CPURequest)
	orString(&r.CPULimit, d.CPULimit)
	orString(&r.Memory, d.Memory)
	return r
}

func orInt(value *int, fallback int) {
	if *value == 0 {
		*value = fallback
	}
}

func orString(value *string, fallback string) {
	if *value == "" {
		*value = fallback
	}
}
