package page

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// instanceLabel names the part of the stack that a pod belongs to, and clusterLabel the
// Kafka cluster, where there is no other.
const (
	instanceLabel = "app.kubernetes.io/instance"
	clusterLabel  = "strimzi.io/cluster"
)

// cluster asks Kubernetes about the stack's namespace.
type cluster struct {
	client    kubernetes.Interface
	namespace string
}

func (c cluster) pods(ctx context.Context) ([]core.Pod, error) {
	list, err := c.client.CoreV1().Pods(c.namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("pods: %w", err)
	}
	return list.Items, nil
}

func describe(pods []core.Pod) []Pod {
	all := []Pod{}
	for _, pod := range pods {
		if pod.Status.Phase == core.PodSucceeded {
			continue
		}
		all = append(all, describePod(pod))
	}
	slices.SortFunc(all, func(a, b Pod) int {
		return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func describePod(pod core.Pod) Pod {
	p := Pod{Name: pod.Name, Part: cmp.Or(pod.Labels[instanceLabel], pod.Labels[clusterLabel]), Phase: string(pod.Status.Phase)}
	if pod.DeletionTimestamp != nil {
		p.Phase = "Terminating"
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == core.PodReady {
			p.Ready = condition.Status == core.ConditionTrue && pod.DeletionTimestamp == nil
		}
	}
	for _, container := range pod.Status.ContainerStatuses {
		p.Restarts += container.RestartCount
	}
	return p
}

func (c cluster) autoscalers(ctx context.Context) ([]Autoscaler, error) {
	list, err := c.client.AutoscalingV2().HorizontalPodAutoscalers(c.namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("autoscalers: %w", err)
	}
	all := []Autoscaler{}
	for _, hpa := range list.Items {
		all = append(all, Autoscaler{
			Name: hpa.Name, Replicas: hpa.Status.CurrentReplicas, Min: *cmp.Or(hpa.Spec.MinReplicas, new(int32)), Max: hpa.Spec.MaxReplicas,
			CPU: currentCPU(hpa.Status.CurrentMetrics), TargetCPU: targetCPU(hpa.Spec.Metrics),
		})
	}
	return all, nil
}

// The stack's autoscalers look at the CPU of one container; others may look at the pod's.
func targetCPU(metrics []autoscaling.MetricSpec) int32 {
	for _, metric := range metrics {
		if m := metric.ContainerResource; m != nil && m.Name == core.ResourceCPU {
			return percent(m.Target.AverageUtilization)
		}
		if m := metric.Resource; m != nil && m.Name == core.ResourceCPU {
			return percent(m.Target.AverageUtilization)
		}
	}
	return -1
}

func currentCPU(metrics []autoscaling.MetricStatus) int32 {
	for _, metric := range metrics {
		if m := metric.ContainerResource; m != nil && m.Name == core.ResourceCPU {
			return percent(m.Current.AverageUtilization)
		}
		if m := metric.Resource; m != nil && m.Name == core.ResourceCPU {
			return percent(m.Current.AverageUtilization)
		}
	}
	return -1
}

func percent(value *int32) int32 {
	if value == nil {
		return -1
	}
	return *value
}
