// Package api has the parts of Strimzi's resources that the lab's emulator of the Strimzi operator acts on. They are
// written from the published definitions (lab/crds makes them), which the API server checks every object against. A
// field that is missing here is one that the emulator does not act on; it stays in the object.
package api
