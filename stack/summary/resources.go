package summary

import (
	"cmp"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Keys and names by which the figures are found among the stack's resources.
const (
	mapKey       = "map.json"
	settingsKey  = "postgresql.conf"
	poolVariable = "SCALESTACK_DB_POOL"
	shardsName   = "postgres"
	cachePhase   = "http_request_cache_settings"
)

type quantities = map[string]resource.Quantity

// collector gathers figures; those of connections need several resources.
type collector struct {
	Figures
	surge map[string]deployment // of the deployments with a pool, by name
}

type deployment struct {
	pool  int
	surge string // a number or "25%"
}

// readers take what they know from the inputs of one type of resource.
var readers = map[string]func(*collector, json.RawMessage) error{
	"kubernetes:core/v1:ConfigMap":                      (*collector).configMap,
	"kubernetes:core/v1:PersistentVolumeClaim":          (*collector).volumeClaim,
	"kubernetes:kafka.strimzi.io/v1beta2:KafkaNodePool": (*collector).kafkaPool,
	"kubernetes:autoscaling/v2:HorizontalPodAutoscaler": (*collector).autoscaler,
	"kubernetes:keda.sh/v1alpha1:ScaledObject":          (*collector).autoscaler,
	"kubernetes:apps/v1:Deployment":                     (*collector).deployment,
	"pulumi:providers:kubernetes":                       (*collector).cluster,
	"cloudflare:index/ruleset:Ruleset":                  (*collector).ruleset,
}

func (c *collector) cluster(inputs json.RawMessage) error {
	var provider struct{ Context string }
	err := json.Unmarshal(inputs, &provider)
	c.Context = provider.Context
	return err
}

type metadata struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
}

var maxConnections = regexp.MustCompile(`(?m)^max_connections = '(\d+)'$`)

func (c *collector) configMap(inputs json.RawMessage) error {
	var object struct {
		Metadata metadata
		Data     map[string]string
	}
	if err := json.Unmarshal(inputs, &object); err != nil {
		return err
	}
	if text, ok := object.Data[mapKey]; ok {
		decoded, err := shardmap.Decode([]byte(text))
		c.ShardMap, c.Namespace = decoded, object.Metadata.Namespace
		return err
	}
	if found := maxConnections.FindStringSubmatch(object.Data[settingsKey]); found != nil {
		limit, err := strconv.Atoi(found[1])
		if c.Connections.Limit == 0 || limit < c.Connections.Limit {
			c.Connections.Limit = limit
		}
		return err
	}
	return nil
}

func (c *collector) volumeClaim(inputs json.RawMessage) error {
	var claim struct {
		Metadata metadata
		Spec     struct {
			Resources struct {
				Requests struct{ Storage resource.Quantity }
			}
		}
	}
	if err := json.Unmarshal(inputs, &claim); err != nil {
		return err
	}
	owner, size := claim.Metadata.Labels["app.kubernetes.io/name"], claim.Spec.Resources.Requests.Storage
	if owner == shardsName && (c.Volume.IsZero() || size.Cmp(c.Volume) < 0) {
		c.Volume = size
	}
	c.addDisk(owner, size, 1)
	return nil
}

func (c *collector) kafkaPool(inputs json.RawMessage) error {
	var pool struct {
		Metadata metadata
		Spec     struct {
			Replicas int
			Storage  struct {
				Size    resource.Quantity
				Volumes []struct{ Size resource.Quantity }
			}
		}
	}
	if err := json.Unmarshal(inputs, &pool); err != nil {
		return err
	}
	owner := "kafka " + pool.Metadata.Name
	c.addDisk(owner, pool.Spec.Storage.Size, pool.Spec.Replicas)
	for _, volume := range pool.Spec.Storage.Volumes {
		c.addDisk(owner, volume.Size, pool.Spec.Replicas)
	}
	return nil
}

func (c *collector) addDisk(owner string, size resource.Quantity, times int) {
	size.Mul(int64(times))
	if size.IsZero() {
		return
	}
	sum := c.Disks[owner]
	sum.Add(size)
	c.Disks[owner] = sum
}

// autoscaler reads an HPA and a ScaledObject, which name their bounds differently.
func (c *collector) autoscaler(inputs json.RawMessage) error {
	var scaler struct {
		Spec struct {
			MinReplicas, MaxReplicas         int
			MinReplicaCount, MaxReplicaCount int
			IdleReplicaCount                 *int
			ScaleTargetRef                   struct{ Name string }
		}
	}
	err := json.Unmarshal(inputs, &scaler)
	spec := scaler.Spec
	bounds := Bounds{cmp.Or(spec.MinReplicas, spec.MinReplicaCount), cmp.Or(spec.MaxReplicas, spec.MaxReplicaCount)}
	if spec.IdleReplicaCount != nil {
		bounds.Min = *spec.IdleReplicaCount
	}
	c.Replicas[spec.ScaleTargetRef.Name] = bounds
	return err
}

func (c *collector) deployment(inputs json.RawMessage) error {
	var d struct {
		Metadata metadata
		Spec     struct {
			Strategy struct {
				RollingUpdate struct{ MaxSurge json.RawMessage }
			}
			Template struct {
				Spec struct {
					Containers []struct {
						Env []struct{ Name, Value string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(inputs, &d); err != nil {
		return err
	}
	for _, container := range d.Spec.Template.Spec.Containers {
		for _, variable := range container.Env {
			if pool, err := strconv.Atoi(variable.Value); err == nil && variable.Name == poolVariable {
				c.surge[d.Metadata.Name] = deployment{pool, strings.Trim(string(d.Spec.Strategy.RollingUpdate.MaxSurge), `"`)}
			}
		}
	}
	return nil
}

// connections counts the pods of every program that holds a pool.
func (c *collector) connections() {
	for name, d := range c.surge {
		pods := c.Replicas[name].Max
		pods += d.more(pods)
		c.Connections.Pods += pods
		c.Connections.Need += pods * d.pool
	}
}

// more is how many pods a rollout adds.
func (d deployment) more(pods int) int {
	percent, ok := strings.CutSuffix(d.surge, "%")
	n, err := strconv.Atoi(percent)
	switch {
	case err != nil:
		return 0
	case ok:
		return int(math.Ceil(float64(pods*n) / 100))
	}
	return n
}

func (c *collector) ruleset(inputs json.RawMessage) error {
	type ttl struct{ Default int }
	var set struct {
		Phase string
		Rules []struct {
			Ref, Expression  string
			Enabled          *bool
			ActionParameters struct {
				Cache               bool
				EdgeTTL, BrowserTTL ttl
			}
		}
	}
	if err := json.Unmarshal(inputs, &set); err != nil {
		return err
	}
	// The other kind of ruleset is the rate limit.
	if set.Phase != cachePhase {
		return nil
	}
	for _, r := range set.Rules {
		c.Rules = append(c.Rules, Rule{
			Ref: r.Ref, Expression: r.Expression, Cache: r.ActionParameters.Cache, Disabled: r.Enabled != nil && !*r.Enabled,
			EdgeTTL: r.ActionParameters.EdgeTTL.Default, BrowserTTL: r.ActionParameters.BrowserTTL.Default,
		})
	}
	return nil
}
