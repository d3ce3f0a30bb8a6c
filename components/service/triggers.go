package service

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Triggers scale a service on more than CPU. They need KEDA, 2.17 or newer, in the cluster:
// the component then creates a ScaledObject and no autoscaler of its own. The trigger that
// asks for the most pods wins, and CPU always is one.
type Triggers struct {
	// Lag of a consumer group.
	Lag *Lag `json:"lag" pulumi:"lag,optional" default:"{\"perReplica\":100}"`
	// Connections of the service to its databases.
	Connections *Connections `json:"connections" pulumi:"connections,optional" default:"{\"percent\":70}"`
	// Requests in flight.
	Requests *Requests `json:"requests" pulumi:"requests,optional" default:"{\"perReplica\":10}"`
	// Queries are further PromQL queries to scale on.
	Queries []Query `json:"queries" pulumi:"queries,optional"`
	// Fallback is what happens while a trigger cannot be read.
	Fallback Fallback `json:"fallback" pulumi:"fallback,optional"`
}

// Lag scales on the events that a consumer group has not committed yet, as the
// brokers count them, so that it grows while no consumer runs. Pods beyond the
// partitions with lag would idle and are not asked for.
type Lag struct {
	// Topics that the group reads, each scaled on separately. Default in a stack: those of
	// uses.consume.
	Topics []string `json:"topics" pulumi:"topics,optional"`
	// Group is the consumer group. Default in a stack: that of uses.consume.
	Group string `json:"group" pulumi:"group,optional"`
	// PerReplica is the lag of one topic, in events, that one pod should handle.
	PerReplica int `json:"perReplica" pulumi:"perReplica,optional" min:"1" max:"1000000000"`
	// ScaleToZeroAfterSeconds removes all pods once the group has had no lag for that long.
	// The next event starts replicas.min of them, after KEDA's next check (up to 30
	// seconds) and the start of a pod. While no pod runs and the lag cannot be read, none
	// is started. Only for services without a port, and not together with connections and
	// requests, which only pods report. 0 keeps replicas.min.
	ScaleToZeroAfterSeconds int `json:"scaleToZeroAfterSeconds" pulumi:"scaleToZeroAfterSeconds,optional" min:"10" max:"86400"`
}

// Connections scales on how full the pods' connection pools are. It needs the gauge
// scalestack_db_pool_connections{shard, state="in_use"|"max"} of every pod; the fullest
// pool of each pod counts. The connections of the most pods must still fit what the
// databases accept: more pods cannot help a database that is full.
type Connections struct {
	// Percent of a pool's connections in use to aim for.
	Percent int `json:"percent" pulumi:"percent,optional" min:"1" max:"100"`
}

// Requests scales on the requests in flight. It needs the gauge
// scalestack_http_requests_in_flight of every pod.
type Requests struct {
	// PerReplica is how many concurrent requests one pod should handle.
	PerReplica int `json:"perReplica" pulumi:"perReplica,optional" min:"1" max:"1000000"`
}

// Query scales on the one number that a query returns for all pods together. A query
// that returns nothing, or NaN, counts as one that failed, and less than 0 as 0.
type Query struct {
	// Query in PromQL, with one series as its result.
	Query string `json:"query" pulumi:"query" required:"true"`
	// PerReplica is how much of the result one pod should handle, a quantity such as "100"
	// or "500m".
	PerReplica string `json:"perReplica" pulumi:"perReplica" required:"true" format:"quantity" min:"1m"`
}

// Fallback is what happens while a trigger cannot be read, because Prometheus or Kafka
// does not answer, or has no such series. CPU keeps adding pods, whatever happens.
type Fallback struct {
	// FailureThreshold is how many consecutive attempts must fail.
	FailureThreshold int `json:"failureThreshold" pulumi:"failureThreshold,optional" default:"3" min:"1" max:"100"`
	// Replicas is the least number of pods that the trigger then asks for. Default:
	// replicas.min.
	Replicas int `json:"replicas" pulumi:"replicas,optional" min:"1" max:"1000"`
	// Behavior is KEDA's. currentReplicasIfHigher keeps the current pods. static leaves the
	// number to CPU and the other triggers, down to Replicas, which removes pods from a
	// service at its peak because its monitoring broke.
	Behavior string `json:"behavior" pulumi:"behavior,optional" default:"currentReplicasIfHigher" enum:"currentReplicasIfHigher,static"`
}

// Sources are where KEDA reads the triggers.
type Sources struct {
	// Prometheus is its address, such as http://prometheus.monitoring:9090. Required by
	// the triggers connections, requests and queries.
	Prometheus string `pulumi:"prometheus,optional"`
	// Bootstrap is the brokers' listener with TLS and SCRAM-SHA-512, host:port. It is
	// required by lag, as are the three others.
	Bootstrap pulumi.StringInput `pulumi:"bootstrap,optional"`
	// User may describe the topics and the group, and needs no other right.
	User string `pulumi:"user,optional"`
	// UserSecret has the user's password under the key "password".
	UserSecret pulumi.StringInput `pulumi:"userSecret,optional"`
	// CASecret has the brokers' certificate authority under the key "ca.crt".
	CASecret pulumi.StringInput `pulumi:"caSecret,optional"`
}

// completeTriggers fills in what depends on the number of pods.
func (a *Args) completeTriggers() {
	if a.Triggers == nil {
		return
	}
	t := *a.Triggers
	t.Fallback.Replicas = cmp.Or(t.Fallback.Replicas, a.Replicas.Min)
	a.Triggers = &t
}

// scalesByKEDA tells which of the two autoscalers the service has.
func (a *Args) scalesByKEDA() bool { return a.Triggers != nil && a.Triggers.any() }

func (t *Triggers) any() bool { return t.Lag != nil || t.asksPrometheus() }

func (t *Triggers) asksPrometheus() bool {
	return t.Connections != nil || t.Requests != nil || len(t.Queries) > 0
}

// NeedsPrometheus reports whether a trigger of the service is read from Prometheus.
func (a *Args) NeedsPrometheus() bool { return a.Triggers != nil && a.Triggers.asksPrometheus() }

// Check refuses triggers without a reason to scale on.
func (t *Triggers) Check(path *field.Path) field.ErrorList {
	if !t.any() {
		return field.ErrorList{field.Required(path, "one of lag, connections, requests and queries")}
	}
	return nil
}

// checkTriggers reports what does not go together.
func (a *Args) checkTriggers(path *field.Path) field.ErrorList {
	if a.Triggers == nil {
		return nil
	}
	var errs field.ErrorList
	at := path.Child("triggers")
	if len(a.Metrics) > 0 {
		errs = append(errs, field.Forbidden(path.Child("metrics"), "cannot be combined with triggers: KEDA's autoscaler has no other metrics. Use triggers.queries"))
	}
	if n, most := a.Triggers.Fallback.Replicas, a.Replicas.Max; n <= 1000 && most <= 1000 && n > most {
		errs = append(errs, field.Invalid(at.Child("fallback", "replicas"), n, fmt.Sprintf("must be at most replicas.max %d", most)))
	}
	if lag := a.Triggers.Lag; lag != nil {
		errs = append(errs, lag.check(at.Child("lag"))...)
		errs = append(errs, a.checkScaleToZero(at)...)
	}
	return errs
}

// checkScaleToZero refuses what cannot start the first pod.
func (a *Args) checkScaleToZero(triggers *field.Path) field.ErrorList {
	if !a.scalesToZero() {
		return nil
	}
	var errs field.ErrorList
	at := triggers.Child("lag", "scaleToZeroAfterSeconds")
	if a.Port != 0 {
		errs = append(errs, field.Forbidden(at, fmt.Sprintf("the service has port %d: a request does not start a pod", a.Port)))
	}
	if a.Triggers.Connections != nil {
		errs = append(errs, field.Forbidden(at, "cannot be combined with triggers.connections, which has no value without a pod"))
	}
	if a.Triggers.Requests != nil {
		errs = append(errs, field.Forbidden(at, "cannot be combined with triggers.requests, which has no value without a pod"))
	}
	return errs
}

// scalesToZero reports whether there are times without a pod.
func (a *Args) scalesToZero() bool {
	return a.Triggers != nil && a.Triggers.Lag != nil && a.Triggers.Lag.ScaleToZeroAfterSeconds > 0
}

func (l Lag) check(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(l.Topics) == 0 {
		errs = append(errs, field.Required(path.Child("topics"), "the topics that the group reads"))
	}
	if l.Group == "" {
		errs = append(errs, field.Required(path.Child("group"), "the consumer group"))
	}
	for i, topic := range l.Topics {
		switch {
		case topic == "":
			errs = append(errs, field.Required(path.Child("topics").Index(i), ""))
		case slices.Contains(l.Topics[:i], topic):
			errs = append(errs, field.Duplicate(path.Child("topics").Index(i), topic))
		}
	}
	return errs
}

// checkSources is apart from Check, because a stack knows the sources only when it
// deploys.
func (a *Args) checkSources() field.ErrorList {
	var errs field.ErrorList
	require := func(missing bool, name, why string) {
		if missing {
			errs = append(errs, field.Required(field.NewPath("sources", name), why))
		}
	}
	if a.Triggers == nil {
		return nil
	}
	require(a.NeedsPrometheus() && a.Sources.Prometheus == "", "prometheus", "the address that triggers are read from")
	if a.Triggers.Lag != nil {
		require(a.Sources.Bootstrap == nil, "bootstrap", "the brokers that triggers.lag asks")
		require(a.Sources.User == "", "user", "the user of triggers.lag")
		require(a.Sources.UserSecret == nil, "userSecret", "the password of triggers.lag")
		require(a.Sources.CASecret == nil, "caSecret", "the brokers' certificate authority")
	}
	return errs
}
