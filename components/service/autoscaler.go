package service

import (
	"slices"

	autoscalingv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/autoscaling/v2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

func autoscaler(name string, a *Args) *autoscalingv2.HorizontalPodAutoscalerArgs {
	return &autoscalingv2.HorizontalPodAutoscalerArgs{
		Metadata: a.labels(name).Meta(name, a.Namespace),
		Spec: &autoscalingv2.HorizontalPodAutoscalerSpecArgs{
			ScaleTargetRef: &autoscalingv2.CrossVersionObjectReferenceArgs{
				ApiVersion: pulumi.String("apps/v1"),
				Kind:       pulumi.String("Deployment"),
				Name:       pulumi.String(name),
			},
			MinReplicas: pulumi.Int(a.Replicas.Min),
			MaxReplicas: pulumi.Int(a.Replicas.Max),
			Metrics:     metrics(name, a),
			Behavior: &autoscalingv2.HorizontalPodAutoscalerBehaviorArgs{
				ScaleUp:   a.Behavior.Up.rules(),
				ScaleDown: a.Behavior.Down.rules(),
			},
		},
	}
}

func metrics(container string, a *Args) autoscalingv2.MetricSpecArray {
	list := autoscalingv2.MetricSpecArray{cpu(container, a.CPUTargetPercent)}
	for _, metric := range a.Metrics {
		list = append(list, metric.spec())
	}
	return list
}

func cpu(container string, percent int) *autoscalingv2.MetricSpecArgs {
	return &autoscalingv2.MetricSpecArgs{
		Type: pulumi.String("ContainerResource"),
		ContainerResource: &autoscalingv2.ContainerResourceMetricSourceArgs{
			Name:      pulumi.String("cpu"),
			Container: pulumi.String(container),
			Target: &autoscalingv2.MetricTargetArgs{
				Type:               pulumi.String("Utilization"),
				AverageUtilization: pulumi.Int(percent),
			},
		},
	}
}

func (m Metric) spec() *autoscalingv2.MetricSpecArgs {
	identifier := &autoscalingv2.MetricIdentifierArgs{Name: pulumi.String(m.Name)}
	if len(m.Labels) > 0 {
		identifier.Selector = kube.Match(pulumi.ToStringMap(m.Labels))
	}
	if m.Kind == PodsMetric {
		return &autoscalingv2.MetricSpecArgs{
			Type: pulumi.String("Pods"),
			Pods: &autoscalingv2.PodsMetricSourceArgs{Metric: identifier, Target: m.target()},
		}
	}
	return &autoscalingv2.MetricSpecArgs{
		Type:     pulumi.String("External"),
		External: &autoscalingv2.ExternalMetricSourceArgs{Metric: identifier, Target: m.target()},
	}
}

func (m Metric) target() *autoscalingv2.MetricTargetArgs {
	if m.Average != "" {
		return &autoscalingv2.MetricTargetArgs{
			Type:         pulumi.String("AverageValue"),
			AverageValue: pulumi.String(m.Average),
		}
	}
	return &autoscalingv2.MetricTargetArgs{Type: pulumi.String("Value"), Value: pulumi.String(m.Total)}
}

func (s Scaling) rules() *autoscalingv2.HPAScalingRulesArgs {
	policies := autoscalingv2.HPAScalingPolicyArray{}
	for _, limit := range s.limits() {
		policies = append(policies, &autoscalingv2.HPAScalingPolicyArgs{
			Type:          pulumi.String(limit.kind),
			Value:         pulumi.Int(limit.value),
			PeriodSeconds: pulumi.Int(s.PeriodSeconds),
		})
	}
	return &autoscalingv2.HPAScalingRulesArgs{
		StabilizationWindowSeconds: pulumi.Int(*s.WindowSeconds),
		SelectPolicy:               pulumi.String("Max"),
		Policies:                   policies,
	}
}

// limit is how many pods may come or go in a period.
type limit struct {
	kind  string
	value int
}

func (s Scaling) limits() []limit {
	all := []limit{{"Percent", s.Percent}, {"Pods", s.Pods}}
	return slices.DeleteFunc(all, func(l limit) bool { return l.value == 0 })
}
