// Package service runs one stateless program on Kubernetes: a Deployment sized by an
// autoscaler, with everything that such a program needs around it. Web services and
// event consumers use it alike.
//
// One component named "email" creates the following, all named "email":
//
//   - a Deployment without spec.replicas. The autoscaler owns that number; a second
//     writer would reset it on every deployment.
//   - a HorizontalPodAutoscaler (autoscaling/v2) on CPU, 60 % by default, and on
//     the metrics in Args.Metrics. CPU is the ContainerResource kind: a sidecar
//     that an admission hook adds to the pod neither hides nor feigns load. It is
//     on by default since Kubernetes 1.27. With Args.Triggers, a ScaledObject of KEDA instead.
//   - a Service, if the program listens
//   - a PodDisruptionBudget with maxUnavailable 1: it never blocks a node drain,
//     whatever number the autoscaler chose
//   - a ServiceAccount, whose token no pod gets
//   - a NetworkPolicy: ingress from the declared peers on the port and from the declared
//     scrapers on the metrics port, egress to DNS and the declared targets, nothing else
//   - with Args.Migration, a Job that must succeed before the Deployment changes,
//     with a NetworkPolicy of its own
//   - with Args.PostRollout, a Job that starts after the rollout and that no
//     deployment waits for, with a NetworkPolicy of its own
//
// # Values of the deployment
//
// The image, the namespace, environment variables, the names of Secrets and ConfigMaps
// and everything in a Peer are Pulumi inputs: they may be outputs of other resources,
// such as an image that the same program builds. All other fields decide which objects
// exist, or are computed with, and are plain values.
//
// # Stopping without losing a request
//
// Endpoints leave load balancers some time after a pod received its SIGTERM, so a
// program must go on serving for a few seconds. Kubernetes' native sleep action for
// preStop is off by default in 1.29, and an image with one static binary has no shell
// to sleep in. So the program itself waits: on SIGTERM it becomes unready, keeps
// serving, then drains. A program that cannot do that names a command in Args.PreStop.
package service
