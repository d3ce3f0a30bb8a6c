package reshard_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// requireMoveRefused changes one shard, and expects the reason in a move that
// was refused before anything was copied.
func (c *cluster) requireMoveRefused(server int, begin, end string, messages ...string) {
	c.t.Helper()
	before := c.owners()
	c.Servers[server].Exec(pgtest.Database(server), begin)
	defer c.Servers[server].Exec(pgtest.Database(server), end)
	err := c.run(c.options(c.desired(3)))
	require.ErrorContains(c.t, err, "was aborted: refused: ")
	for _, message := range messages {
		require.ErrorContains(c.t, err, message)
	}
	require.Equal(c.t, before, c.owners())
	c.requireClean()
}

// A fence counts by what it refuses, not by its name.
func TestAFenceThatDoesNotGuardIsRefused(t *testing.T) {
	c := startCluster(t, 3, 200)
	const adopt = "; SELECT scalestack.adopt('accounts')"
	replace := func(trigger string) string {
		return "DROP TRIGGER fence ON accounts; CREATE TRIGGER fence " + strings.Replace(trigger, "FENCE", "EXECUTE FUNCTION scalestack.fence()", 1)
	}
	for name, test := range map[string]struct{ begin, message string }{
		"INSERT only":      {replace("BEFORE INSERT ON accounts FOR EACH ROW FENCE"), "the trigger fence guards nothing: not for UPDATE, not for DELETE"},
		"no DELETE":        {replace("BEFORE INSERT OR UPDATE ON accounts FOR EACH ROW FENCE"), "not for DELETE"},
		"after":            {replace("AFTER INSERT OR UPDATE OR DELETE ON accounts FOR EACH ROW FENCE"), "it is not BEFORE"},
		"statement":        {replace("BEFORE INSERT OR UPDATE OR DELETE ON accounts FOR EACH STATEMENT FENCE"), "it is not FOR EACH ROW"},
		"condition":        {replace("BEFORE INSERT OR UPDATE ON accounts FOR EACH ROW WHEN (NEW.user_id > 0) FENCE"), "it has a condition (WHEN)"},
		"columns":          {replace("BEFORE INSERT OR UPDATE OF user_id OR DELETE ON accounts FOR EACH ROW FENCE"), "it is for some columns only (UPDATE OF)"},
		"disabled":         {"ALTER TABLE accounts DISABLE TRIGGER fence", "it is disabled"},
		"all disabled":     {"ALTER TABLE accounts DISABLE TRIGGER ALL", "it is disabled"},
		"replica":          {"ALTER TABLE accounts ENABLE REPLICA TRIGGER fence", "it is for replicas only"},
		"always":           {"ALTER TABLE accounts ENABLE ALWAYS TRIGGER fence", "it would fire for moved rows"},
		"another key":      {"DROP TRIGGER fence ON accounts; ALTER TABLE accounts ADD shop_id bigint NOT NULL DEFAULT 0; SELECT scalestack.adopt('accounts', 'shop_id')", "shop_id is not part of a primary key"},
		"a second one":     {"SELECT scalestack.make_fence('version'); CREATE TRIGGER other BEFORE INSERT OR UPDATE OR DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION scalestack.fence_by_version()", "has more than one fence"},
		"the function":     {"CREATE OR REPLACE FUNCTION scalestack.fence() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", "its function was changed"},
		"the rights":       {"ALTER FUNCTION scalestack.fence() SECURITY DEFINER", "its function was changed"},
		"a later trigger":  {"CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.user_id := 1; RETURN NEW; END'; CREATE TRIGGER zz BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION change()", "the trigger zz fires after the fence and could still change the key"},
		"what it calls":    {"CREATE OR REPLACE FUNCTION scalestack.enter(wanted integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1'", "the engine's function scalestack.enter(wanted integer) was changed"},
		"what that calls":  {"ALTER FUNCTION scalestack.settle(integer) STABLE", "the engine's function scalestack.settle(wanted integer) was changed"},
		"the formula":      {"CREATE OR REPLACE FUNCTION scalestack.bucket_of(user_id bigint) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 0'", "the engine's function scalestack.bucket_of(user_id bigint) was changed"},
		"no guard":         {"DROP TRIGGER fence_guard ON accounts", "has no complete guard"},
		"a guard disabled": {"ALTER TABLE accounts DISABLE TRIGGER fence_guard_insert", "has no complete guard"},
		"a guard of before": {"DROP TRIGGER fence_guard ON accounts; DROP TRIGGER fence_guard_insert ON accounts; CREATE TRIGGER fence_guard BEFORE UPDATE OR DELETE ON accounts EXECUTE FUNCTION scalestack.guard()",
			"has no complete guard"},
		"a guard with a condition": {"DROP TRIGGER fence_guard_insert ON accounts; CREATE TRIGGER fence_guard_insert AFTER INSERT ON accounts FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION scalestack.guard()",
			"has no complete guard"},
		"a role's setting": {"ALTER ROLE app SET session_replication_role = replica", "the setting session_replication_role of role app switches the fence off"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &cluster{c.Shards, t}
			end := "DROP TRIGGER IF EXISTS other ON accounts; DROP TRIGGER IF EXISTS zz ON accounts; DROP FUNCTION IF EXISTS change(); " +
				"ALTER ROLE app RESET session_replication_role; ALTER TABLE accounts ENABLE TRIGGER ALL; ALTER TABLE accounts DROP COLUMN IF EXISTS shop_id; SELECT scalestack.repair_functions()" + adopt
			c.requireMoveRefused(0, test.begin, end, "shard-0: public.accounts: ", test.message)
		})
	}
	require.NoError(t, c.run(c.options(c.desired(3))), "each of them can be set right again")
	c.requireClean()
}

// A fence that is switched off while a move is under way, by a bulk load that disables
// triggers for example, guards the hand-over no better than one that was off before it.
func TestAFenceThatIsSwitchedOffAfterThePreflight(t *testing.T) {
	for name, server := range map[string]int{"source": 0, "target": 2} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 3, 200)
			before := c.owners()
			o := c.options(c.desired(3))
			onceAt(&o, reshard.Armed, func(reshard.Move) { c.sql(server, "ALTER TABLE accounts DISABLE TRIGGER USER") })
			require.ErrorContains(t, c.run(o), fmt.Sprintf("was aborted: refused: shard-%d: public.accounts: ", server))
			require.Equal(t, before, c.owners())
			c.sql(server, "ALTER TABLE accounts ENABLE TRIGGER USER")
			c.requireClean()
		})
	}
}

// It may happen behind the fence too, and be over before anybody looks.
func TestAFenceThatIsSwitchedOffBehindTheFence(t *testing.T) {
	c := startCluster(t, 3, 200)
	o := c.options(c.desired(3))
	reached := map[reshard.State]int{}
	o.OnState = func(mv reshard.Move) {
		if reached[mv.State]++; mv.State == reshard.Drained && reached[mv.State] == 1 {
			c.sql(mv.Source, "ALTER TABLE accounts DISABLE TRIGGER USER")
			// A plain INSERT needs no hold: its row would meet the fence.
			c.sql(mv.Source, "INSERT INTO accounts (user_id, name, email) VALUES ($1, 'late', 'x')", mv.Buckets[0]+buckets*1000)
			c.sql(mv.Source, "ALTER TABLE accounts ENABLE TRIGGER USER")
		}
	}
	require.NoError(t, c.run(o))
	require.Equal(t, reached[reshard.Complete]+1, reached[reshard.Drained], "the first hand-over was given up")
	require.Equal(t, o.Map.Assignment, c.owners())
	require.Equal(t, 1, c.owned("accounts WHERE name = 'late'"))
	c.requireClean()
}

// What depends on sharded rows moves with them or is named.
func TestTablesThatCannotMoveAreRefused(t *testing.T) {
	c := startCluster(t, 3, 200)
	for name, test := range map[string]struct{ begin, end, message string }{
		"a table that refers to it": {"CREATE TABLE addresses (user_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE)", "DROP TABLE addresses",
			"public.accounts: public.addresses refers to it by the foreign key addresses_user_id_fkey and is not sharded by the same key"},
		"a table that it refers to": {"CREATE TABLE plans (id bigint PRIMARY KEY); ALTER TABLE accounts ADD plan bigint REFERENCES plans", "ALTER TABLE accounts DROP COLUMN plan; DROP TABLE plans",
			"the foreign key accounts_plan_fkey refers to public.plans, which is not sharded"},
		"a reference to another key's row": {"ALTER TABLE accounts ADD friend bigint REFERENCES accounts", "ALTER TABLE accounts DROP COLUMN friend",
			"the foreign key accounts_friend_fkey refers to public.accounts, which is not sharded or not by the same key"},
		"a child":  {"CREATE TABLE vip () INHERITS (accounts)", "DROP TABLE vip", "is inherited by public.vip"},
		"a parent": {"CREATE TABLE people (name text); ALTER TABLE accounts ALTER name DROP NOT NULL, INHERIT people", "ALTER TABLE accounts NO INHERIT people, ALTER name SET NOT NULL; DROP TABLE people", "inherits from public.people"},
		"unlogged": {"ALTER TABLE accounts SET UNLOGGED", "ALTER TABLE accounts SET LOGGED", "public.accounts: is unlogged"},
		"a rule":   {"CREATE RULE twice AS ON INSERT TO accounts DO NOTIFY twice", "DROP RULE twice ON accounts", "has the rule twice"},
		"row level security": {"ALTER TABLE accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
			"public.accounts: forces row level security"},
		"a unique index": {"CREATE UNIQUE INDEX by_email ON accounts (email) INCLUDE (user_id)", "DROP INDEX by_email", "the unique index public.by_email does not contain user_id"},
		"a deferrable key": {"ALTER TABLE accounts DROP CONSTRAINT accounts_pkey, ADD PRIMARY KEY (user_id) DEFERRABLE", "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey, ADD PRIMARY KEY (user_id)",
			"user_id is not part of a primary key or of the index of the replica identity"},
		"an identity column": {"ALTER TABLE accounts ADD number bigint GENERATED ALWAYS AS IDENTITY", "ALTER TABLE accounts DROP COLUMN number",
			"number comes from the sequence public.accounts_number_seq, whose values other shards repeat"},
		"a shared sequence": {"CREATE SEQUENCE numbers; ALTER TABLE accounts ADD number bigint DEFAULT nextval('numbers')", "ALTER TABLE accounts DROP COLUMN number; DROP SEQUENCE numbers",
			"number comes from the sequence public.numbers"},
		"a hidden sequence": {"CREATE SEQUENCE numbers; ALTER TABLE accounts ADD number bigint DEFAULT 1 + nextval('numb' || 'ers')", "ALTER TABLE accounts DROP COLUMN number; DROP SEQUENCE numbers",
			"which hides its sequence"},
		"a generated key": {"CREATE TABLE made (n bigint, user_id bigint GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (user_id, n)); SELECT scalestack.adopt('made')", "DROP TABLE made",
			"the key column user_id is generated"},
		"a table that refers to a table that refers to it": {"CREATE TABLE addresses (user_id bigint PRIMARY KEY REFERENCES accounts); SELECT scalestack.adopt('addresses'); CREATE TABLE doors (id bigint REFERENCES addresses)", "DROP TABLE doors, addresses",
			"public.addresses: public.doors refers to it by the foreign key doors_id_fkey"},
		"a partition": {"CREATE TABLE parts (LIKE accounts INCLUDING ALL) PARTITION BY RANGE (user_id); ALTER TABLE parts ATTACH PARTITION accounts DEFAULT", "ALTER TABLE parts DETACH PARTITION accounts; DROP TABLE parts",
			"public.accounts: inherits from public.parts or is a partition of it"},
		"partitioned": {"CREATE TABLE parts (user_id bigint PRIMARY KEY) PARTITION BY HASH (user_id); SELECT scalestack.adopt('parts')", "DROP TABLE parts",
			"public.parts: is not an ordinary table"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &cluster{c.Shards, t}
			c.requireMoveRefused(0, test.begin, test.end, "shard-0: public.", test.message)
		})
	}
	t.Run("a table without the key, in the target", func(t *testing.T) {
		c := &cluster{c.Shards, t}
		c.requireMoveRefused(2, "CREATE TABLE plain (id bigint PRIMARY KEY); CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON plain FOR EACH ROW EXECUTE FUNCTION scalestack.fence()",
			"DROP TABLE plain", "shard-2: public.plain: has no column user_id", "shard-0: the sharded table public.plain is missing")
	})
	t.Run("a child that is sharded as well", func(t *testing.T) {
		for id, server := range c.Servers {
			server.Exec(pgtest.Database(id), `CREATE TABLE addresses (user_id bigint REFERENCES accounts ON DELETE CASCADE, n integer, PRIMARY KEY (user_id, n));
				SELECT scalestack.adopt('addresses')`)
		}
		conn := c.Servers[0].Admin(pgtest.Database(0))
		defer conn.Close(context.Background())
		tag, err := conn.Exec(t.Context(), "INSERT INTO addresses SELECT user_id, n FROM accounts, generate_series(1, 3) AS n")
		require.NoError(t, err)
		require.NoError(t, c.run(c.options(c.desired(3))))
		c.requireClean()
		var moved int
		for id, server := range c.Servers {
			moved += server.Count(pgtest.Database(id), "SELECT count(*) FROM addresses JOIN accounts USING (user_id)")
		}
		require.EqualValues(t, tag.RowsAffected(), moved)
	})
}

// What a shard does with a write must not depend on where its bucket is: an audit or an
// outbox that a trigger fills would have gaps, and a policy that is missing hides nothing.
func TestShardsThatDoNotDoTheSameWithARowAreRefused(t *testing.T) {
	c := startCluster(t, 3, 200)
	const function = "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
	const trigger = function + "CREATE TRIGGER audit AFTER UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION audit(); "
	const drop = "DROP FUNCTION IF EXISTS audit CASCADE"
	for name, test := range map[string]struct{ everywhere, here, end, message string }{
		"a trigger":                  {"", trigger, drop, "public.accounts has, unlike shard-2: CREATE TRIGGER audit AFTER UPDATE ON public.accounts"},
		"a trigger that is disabled": {trigger, "ALTER TABLE accounts DISABLE TRIGGER audit", drop, "EXECUTE FUNCTION public.audit() disabled"},
		"its function":               {trigger, "CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1; RETURN NULL; END'", drop, "whose function is"},
		"row level security":         {"", "ALTER TABLE accounts ENABLE ROW LEVEL SECURITY", "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY", "row level security enabled"},
		"a policy": {"ALTER TABLE accounts ENABLE ROW LEVEL SECURITY; CREATE POLICY all_of ON accounts", "DROP POLICY all_of ON accounts; CREATE POLICY all_of ON accounts USING (user_id > 5)",
			"ALTER TABLE accounts DISABLE ROW LEVEL SECURITY; DROP POLICY all_of ON accounts", "policy all_of permissive for * to public using (user_id > 5)"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &cluster{c.Shards, t}
			for id, server := range c.Servers {
				server.Exec(pgtest.Database(id), test.everywhere+"; SELECT 1")
				defer server.Exec(pgtest.Database(id), test.end)
			}
			c.requireMoveRefused(0, test.here, "SELECT 1", test.message)
		})
	}
	require.NoError(t, c.run(c.options(c.desired(3))))
	c.requireClean()
}

// A trigger that only looks on, as one that wakes a relay, is no fence, and the
// rows that a move brings do not fire it.
func TestATriggerThatOnlyLooksOnIsNoHindrance(t *testing.T) {
	c := startCluster(t, 3, 200)
	for id, server := range c.Servers {
		server.Exec(pgtest.Database(id), `
			CREATE TABLE woken (n integer);
			CREATE FUNCTION wake() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO woken VALUES (1); NOTIFY accounts; RETURN NULL; END';
			CREATE TRIGGER wake AFTER INSERT ON accounts FOR EACH STATEMENT EXECUTE FUNCTION wake()`)
	}
	require.NoError(t, c.run(c.options(c.desired(3))))
	c.requireClean()
	for id, server := range c.Servers {
		require.Zero(t, server.Count(pgtest.Database(id), "SELECT count(*) FROM woken"), "shard %d", id)
	}
}
