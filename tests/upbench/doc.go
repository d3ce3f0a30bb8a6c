// Package upbench reads what Pulumi says of an update, for the benchmark that compares it with
// kubectl: which objects it made, where its time went, and what a change would touch.
package upbench
