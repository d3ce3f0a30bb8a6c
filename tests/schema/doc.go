// Package schema holds the objects of tests/golden, which are what the program
// registers for each environment, to the schemas of the oldest and the newest
// supported Kubernetes. The schemas are those that Kubernetes publishes inside
// its Go module; the validator is kubeconform, strict.
//
// A schema knows fields, types and which fields are required. It knows nothing
// of formats such as quantities and label values, of rules between fields, or
// of Strimzi's and KEDA's resources: those the real API server checks, in tests/e2e.
package schema
