// Package settings reads a program's settings from the environment: it has those that
// every program on the shards shares and those of shardctl, and reads structs of other
// programs in the same way.
//
// A setting is one field of a struct: its tags have the variable (env), the default
// (envDefault), what is allowed (validate) and what it means (doc). Loading, checks,
// help and lists are made from them. Every mistake is reported at once, each with the
// variable, what was given and what is allowed. A method Mistakes() []error of the
// struct reports what holds between settings. Loading is caarlos0/env and checking
// go-playground/validator: both small in what they do, widely used, and they report
// every mistake, which the standard library has nothing for.
//
// Unknown SCALESTACK_ variables are not refused: Kubernetes itself adds such
// variables to a pod when a Service of the namespace is named scalestack-….
package settings
