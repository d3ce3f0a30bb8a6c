// Package check gives components the collector of mistakes that the stack's
// configuration uses too: see the module's internal/check.
package check

import "github.com/scalestack/scalestack/internal/check"

// Error is one mistake in one setting.
type Error = check.Error

// Errors gathers mistakes.
type Errors = check.Errors
