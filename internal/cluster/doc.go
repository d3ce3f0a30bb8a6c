// Package cluster asks a Kubernetes cluster who it is and what is in it, before a
// deployment changes anything.
//
// It finds the cluster exactly as Pulumi's Kubernetes provider does, so that both
// talk to the same one: see [Target]. It reads metadata, and the status of an object
// whose deployment failed, never a Secret's data. The credentials need the verb get on
// namespaces, and list on volume claims for a stack that comes back to a namespace that was kept.
package cluster
