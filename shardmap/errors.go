package shardmap

import "github.com/scalestack/scalestack/internal/check"

// Error is one mistake in a map or a Spec: the path of the wrong value and
// what is allowed. Functions that report mistakes join them with errors.Join.
type Error = check.Error
