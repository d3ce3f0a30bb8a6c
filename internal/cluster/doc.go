// Package cluster asks a Kubernetes cluster who it is and what is in it, before a
// deployment changes anything.
//
// It finds the cluster exactly as Pulumi's Kubernetes provider does, so that both
// talk to the same one: see [Target]. It reads metadata, the shards' settings, what the pods
// are made of, and the status of an object whose deployment failed, never a Secret's data.
// docs/never.md has the verbs that the credentials need.
package cluster
