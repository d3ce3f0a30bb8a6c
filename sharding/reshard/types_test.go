package reshard_test

import (
	"context"
	"testing"

	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// Rows of every kind of type arrive as they were, in binary form where all columns
// have the same one on both servers, and as text where one column does not.
func TestRowsOfEveryTypeMove(t *testing.T) {
	c := startCluster(t, 3, 200)
	exec := func(sql string) {
		for id, server := range c.Servers {
			server.Exec(pgtest.Database(id), sql)
		}
	}
	// The types' ids differ between the servers.
	c.Servers[2].Exec(pgtest.Database(2), "CREATE TYPE first_here AS ENUM ('x')")
	exec(`CREATE TYPE mood AS ENUM ('calm', 'cross');
		CREATE TABLE things (user_id bigint PRIMARY KEY, a jsonb, b bytea, c numeric, d timestamptz, e interval, f uuid, g inet, h real, i text[], j mood, k money, l xml, m tsvector, n point);
		SELECT scalestack.adopt('things')`)
	fill := func(table, values string) {
		for id := range 2 {
			c.Servers[id].Exec(pgtest.Database(id), "INSERT INTO "+table+" SELECT user_id, "+values+" FROM accounts")
		}
	}
	binary := func() bool {
		conn := c.Servers[0].Admin(pgtest.Database(0))
		defer conn.Close(context.Background())
		tables, err := catalog.Tables(t.Context(), conn)
		require.NoError(t, err)
		all := true
		for _, table := range tables {
			all = all && table.Binary
		}
		return all
	}
	// What a table holds over all shards.
	content := func(table string) (sum int) {
		for id, server := range c.Servers {
			sum += server.Count(pgtest.Database(id), "SELECT coalesce(sum(hashtext(t::text)::bigint), 0)::bigint FROM "+table+" AS t")
		}
		return sum
	}

	fill("things", `jsonb_build_object('n', user_id), '\x00ff', 1e300 / 7, '-infinity', '1 mon 2 days 3 us', gen_random_uuid(), '::1/64', 'NaN', ARRAY['a', NULL, '"'], 'cross', '12.34', '<a/>', 'cats & dogs', '(1,-0)'`)
	before := content("things")
	require.True(t, binary())
	require.NoError(t, c.run(c.options(c.desired(3))))
	require.Equal(t, before, content("things"))

	exec(`CREATE DOMAIN positive AS integer CHECK (VALUE > 0); CREATE TYPE pair AS (a integer, b mood);
		CREATE TABLE odd (user_id bigint PRIMARY KEY, a mood[], b positive, c pair, d int4range, e aclitem[]);
		SELECT scalestack.adopt('odd')`)
	for id, server := range c.Servers {
		server.Exec(pgtest.Database(id), `INSERT INTO odd SELECT user_id, '{cross,calm}', 7, '(1,calm)', '[1,5)', '{postgres=r/postgres}' FROM accounts`)
	}
	before = content("odd")
	require.False(t, binary())
	require.NoError(t, c.run(c.options(c.desired(3, 2))))
	require.Equal(t, before, content("odd"))
	c.requireClean()
}
