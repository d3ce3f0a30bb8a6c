// Package shardtest runs shards with the service's tables for tests.
package shardtest

import (
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/schema"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardtest"
)

// Start runs n shards with 12 buckets, and a router as the service's; both end
// with the test. See pgtest for when the test is skipped.
func Start(t *testing.T, n int) (*pgtest.Shards, *router.Router) {
	t.Helper()
	return shardtest.Start(t, n, schema.Users())
}
