package history

import (
	"context"
	"fmt"

	"github.com/scalestack/scalestack/sharding/catalog"
)

// traces are what a move creates and must remove again.
var traces = []struct{ what, query string }{
	{"replication slots", "SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical'"},
	{"publications", "SELECT count(*) FROM pg_publication"},
	{"subscriptions", "SELECT count(*) FROM pg_subscription"},
	{"replication origins", "SELECT count(*) FROM pg_replication_origin"},
	{"open moves", "SELECT count(*) FROM scalestack.move WHERE state NOT IN ('complete', 'aborted', 'rolled back')"},
}

// Traces names what moves need on the shard now or have left behind there.
func (s Shard) Traces(ctx context.Context) ([]string, error) {
	var found []string
	for _, trace := range traces {
		var err error
		if found, err = s.count(ctx, found, trace.what, trace.query); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Strays names the sharded tables with rows of buckets that the shard does not own. It
// reads all tables.
func (s Shard) Strays(ctx context.Context) ([]string, error) {
	tables, err := catalog.Tables(ctx, s.Conn)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, table := range tables {
		if found, err = s.count(ctx, found, "foreign rows in "+table.Name, fmt.Sprintf(foreignRows, table.Name, table.QuotedKey)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

const foreignRows = `
	SELECT count(*) FROM %[1]s AS t CROSS JOIN scalestack.shard AS s
	WHERE NOT EXISTS (
		SELECT FROM scalestack.ownership AS o
		WHERE o.bucket = ((t.%[2]s %% s.buckets + s.buckets) %% s.buckets)::integer AND o.state = 'owned')`

// count adds a line to found unless the query returns zero.
func (s Shard) count(ctx context.Context, found []string, what, query string) ([]string, error) {
	var n int
	if err := s.Conn.QueryRow(ctx, query).Scan(&n); err != nil {
		return nil, fmt.Errorf("shard %d: %s: %w", s.ID, what, err)
	}
	if n > 0 {
		found = append(found, fmt.Sprintf("shard %d has %d %s", s.ID, n, what))
	}
	return found, nil
}
