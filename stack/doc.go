// Package stack composes the components into the whole product, in one Pulumi program.
//
// A run has four parts:
//
//   - [Load] (load.go) reads the settings into a [Config], whose sections are the components'
//     Args with what only the stack knows. check.go and the other files with a Check report
//     all mistakes at once.
//   - guard.go asks the cluster and the state (past.go) what is there, and judge.go refuses
//     what would harm data, another stack or another cluster. Nothing is registered before.
//   - deploy.go registers the components in their order. wiring.go gives each service what it
//     uses, and openings.go says who may connect to what.
//   - The outputs tell the next run, people and other programs what was deployed.
//
// Package summary prints a preview for people.
package stack
