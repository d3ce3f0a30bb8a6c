// Package cluster asks a Kubernetes cluster for its identity and its contents before a
// deployment changes anything.
//
// It finds the cluster exactly as Pulumi's Kubernetes provider does, so that both talk
// to the same one: see [Target]. It reads metadata, the shards' settings, what the pods
// consist of, and the status of an object whose deployment failed, but never a Secret's
// data. docs/never.md lists the verbs that the credentials need.
package cluster
