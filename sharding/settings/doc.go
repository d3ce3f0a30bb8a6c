// Package settings reads a program's settings from the environment. It defines the
// settings that every program on the shards shares and those of shardctl, and other
// programs read their own structs with it.
//
// A setting is a field of a struct. Its tags hold the variable (env), the default
// (envDefault), the allowed values (validate) and the meaning (doc). Loading, checks,
// help and lists are derived from them. All mistakes are reported at once, each with
// the variable, the given value and the allowed ones. A method Mistakes() []error of
// the struct checks rules between settings.
//
// caarlos0/env loads and go-playground/validator checks: both are small in what they
// do, widely used, and report every mistake, which the standard library does not offer.
//
// Unknown SCALESTACK_ variables are not refused: Kubernetes itself adds such variables
// to a pod when a Service of the namespace is named scalestack-….
package settings
