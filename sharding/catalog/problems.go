package catalog

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Candidate is a table that is sharded by a key column, or will be.
type Candidate struct {
	// Table is qualified and quoted, or as the search path finds it.
	Table string
	// Key is the name of the column, not quoted.
	Key string
}

// candidates begins every query about tables: the given ones and those that are already
// sharded, with the attribute number of each key.
const candidates = `
	WITH wanted AS (
		SELECT to_regclass(name)::oid AS oid, key FROM unnest($1::text[], $2::text[]) AS given(name, key)
	), sharded AS (
		SELECT oid, key, (SELECT attnum FROM pg_attribute WHERE attrelid = all_of.oid AND attname = key AND NOT attisdropped) AS keynum
		FROM (SELECT oid, key FROM wanted UNION
			SELECT tgrelid, key FROM (` + Fences + `) AS fences WHERE tgrelid NOT IN (SELECT oid FROM wanted)) AS all_of
	), subject AS (
		SELECT * FROM sharded WHERE oid IN (SELECT oid FROM wanted)
	)`

// Stride is the distance between two values of a shard's sequence. Shard s gets the
// values that leave the remainder s, so that no two shards yield the same one. It is
// larger than any shard id (shardmap.MaxShards is 960).
const Stride = 1024

// tableRules are queries over subject and sharded, each for one reason why a table
// cannot be moved. They return the table's oid and a sentence that continues after the
// table's name. $3 is the shard's id, for the rule on sequences.
var tableRules = []string{
	`SELECT c.oid, 'is not an ordinary table: partitioned tables, views and foreign tables cannot be moved'
		FROM pg_class c JOIN subject USING (oid) WHERE relkind <> 'r'`,
	`SELECT c.oid, format('is %s, so that its rows are not in the log that a move reads. Fix: ALTER TABLE %s SET LOGGED',
			CASE relpersistence WHEN 'u' THEN 'unlogged' ELSE 'temporary' END, c.oid::regclass)
		FROM pg_class c JOIN subject USING (oid) WHERE relpersistence <> 'p'`,
	`SELECT oid, format('inherits from %s or is a partition of it: its rows are also that table''s', inhparent::regclass)
		FROM pg_inherits JOIN subject ON oid = inhrelid`,
	`SELECT oid, format('is inherited by %s, whose rows would stay behind', inhrelid::regclass)
		FROM pg_inherits JOIN subject ON oid = inhparent`,
	`SELECT s.oid, CASE WHEN keynum IS NULL THEN format('has no column %I', key)
			ELSE format('the key column %I is %s and not bigint', key, format_type(atttypid, atttypmod)) END
		FROM subject s LEFT JOIN pg_attribute a ON attrelid = s.oid AND a.attnum = s.keynum
		WHERE atttypid IS DISTINCT FROM 'bigint'::regtype`,
	`SELECT oid, format('the name of the key column %I has more than 54 bytes: the name of its fence''s function would be too long', key)
		FROM subject WHERE octet_length(key) > 54`,
	`SELECT s.oid, format('the key column %I can be NULL. Fix: ALTER TABLE %s ALTER %1$I SET NOT NULL', key, s.oid::regclass)
		FROM subject s JOIN pg_attribute a ON attrelid = s.oid AND a.attnum = s.keynum WHERE NOT attnotnull`,
	`SELECT s.oid, format('the key column %I is generated: the fence runs before its value is known', key)
		FROM subject s JOIN pg_attribute a ON attrelid = s.oid AND a.attnum = s.keynum WHERE attgenerated <> ''`,
	// A deferrable primary key identifies nothing, which the function knows.
	`SELECT s.oid, format('%I is not part of a primary key or of the index of the replica identity, so updates and deletes cannot be filtered by it', key)
		FROM subject s JOIN pg_class c ON c.oid = s.oid
		WHERE s.keynum IS NOT NULL AND relreplident <> 'n' AND NOT EXISTS (SELECT FROM pg_index i
			WHERE i.indrelid = s.oid AND s.keynum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) AND (
				i.indexrelid = pg_get_replica_identity_index(s.oid) OR relreplident = 'f' AND i.indisprimary))`,
	`SELECT s.oid, 'the replica identity is neither a key nor FULL. Fix: ALTER TABLE ' || s.oid::regclass || ' REPLICA IDENTITY DEFAULT'
		FROM subject s JOIN pg_class c ON c.oid = s.oid WHERE relreplident = 'n'`,
	`SELECT s.oid, format('the triggers %s would fire for moved rows. Fix: ALTER TABLE … ENABLE TRIGGER …', string_agg(tgname, ', ' ORDER BY tgname))
		FROM subject s JOIN pg_trigger ON tgrelid = s.oid WHERE NOT tgisinternal AND tgenabled IN ('A', 'R') GROUP BY s.oid`,
	`SELECT s.oid, format('has the rule %I, which can write elsewhere than the fence looks', rulename)
		FROM subject s JOIN pg_rewrite ON ev_class = s.oid WHERE rulename <> '_RETURN'`,
	// Nobody but a superuser is above it.
	`SELECT s.oid, format('forces row level security on whoever moves its rows, who may not see all. Fix: ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', s.oid::regclass)
		FROM subject s JOIN pg_class c ON c.oid = s.oid WHERE relrowsecurity AND relforcerowsecurity`,
	foreignKeyRule, referencedRule, uniqueRule, smallSequenceRule, hiddenSequenceRule,
	`SELECT s.oid, format('the setting session_replication_role of %s switches the fence off. Fix: ALTER ROLE or ALTER DATABASE … RESET session_replication_role',
			coalesce('role ' || nullif(setrole, 0)::regrole, 'the database'))
		FROM subject s CROSS JOIN pg_db_role_setting, unnest(setconfig) AS one
		WHERE lower(one) LIKE 'session_replication_role=%' AND lower(one) <> 'session_replication_role=origin'
			AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))`,
}

const (
	// pairs holds for a foreign key c whose rows on both sides always have the
	// same key: those are in one bucket and move together.
	pairs = `EXISTS (SELECT FROM unnest(c.conkey, c.confkey) AS pair(here, there) JOIN sharded f ON f.oid = c.conrelid JOIN sharded t ON t.oid = c.confrelid
		WHERE pair.here = f.keynum AND pair.there = t.keynum)`
	foreignKeyRule = `SELECT s.oid, format('the foreign key %I refers to %s, which is not sharded or not by the same key: moved rows would refer to what is not there. Fix: adopt that table too, with the key in the foreign key, or drop the constraint', conname, confrelid::regclass)
		FROM subject s JOIN pg_constraint c ON c.conrelid = s.oid WHERE contype = 'f' AND NOT ` + pairs
	referencedRule = `SELECT s.oid, format('%s refers to it by the foreign key %I and is not sharded by the same key: its rows would stay behind. Fix: adopt that table too, with the key in the foreign key, or drop the constraint', conrelid::regclass, conname)
		FROM subject s JOIN pg_constraint c ON c.confrelid = s.oid WHERE contype = 'f' AND conrelid <> s.oid AND NOT ` + pairs
	// uuid columns and aligned sequences make values that no other shard makes.
	uniqueRule = `SELECT s.oid, format('the unique index %s does not contain %I: another shard may have the same values. Fix: add the key column to it', indexrelid::regclass, key)
		FROM subject s JOIN pg_index i ON indrelid = s.oid
		WHERE (indisunique OR indisexclusion) AND NOT s.keynum = ANY ((indkey::int2[])[0:indnkeyatts - 1]) AND NOT EXISTS (
			SELECT FROM pg_attribute WHERE attrelid = s.oid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1])
				AND (atttypid = 'uuid'::regtype OR attnum IN (SELECT column_number FROM (` + sequences + `) AS q WHERE q.table_oid = s.oid)))`
	// sequences are those that a column of a table takes its values from.
	sequences = `SELECT d.refobjid AS table_oid, d.refobjsubid AS column_number, d.objid AS sequence
			FROM pg_depend d JOIN pg_class ON oid = d.objid AND relkind = 'S'
			WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
		UNION SELECT a.adrelid, a.adnum, d.refobjid
			FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
				JOIN pg_class ON pg_class.oid = d.refobjid AND relkind = 'S'`
	sequenceRule = `SELECT s.oid, format('%I comes from the sequence %s, whose values other shards repeat. Fix: shardctl adopt %s', attname, sequence::regclass, s.oid::regclass)
		FROM subject s JOIN (` + sequences + `) AS q ON q.table_oid = s.oid JOIN pg_attribute ON attrelid = s.oid AND attnum = column_number
			JOIN pg_sequence p ON seqrelid = sequence
		WHERE seqcycle OR seqincrement <> ` + stride + ` OR coalesce(pg_sequence_last_value(sequence), seqstart) % ` + stride + ` <> $3`
	smallSequenceRule = `SELECT s.oid, format('%I takes %s from the sequence %s, which is too small to be cut between shards. Fix: make column and sequence bigint',
			attname, format_type(atttypid, atttypmod), sequence::regclass)
		FROM subject s JOIN (` + sequences + `) AS q ON q.table_oid = s.oid JOIN pg_attribute ON attrelid = s.oid AND attnum = column_number
			JOIN pg_sequence p ON seqrelid = sequence
		WHERE atttypid <> 'bigint'::regtype OR seqtypid <> 'bigint'::regtype`
	hiddenSequenceRule = `SELECT s.oid, format('%I has the default %s, which hides its sequence. Fix: write it as nextval(''name''::regclass)', attname, pg_get_expr(adbin, adrelid))
		FROM subject s JOIN pg_attrdef d ON adrelid = s.oid JOIN pg_attribute a ON attrelid = s.oid AND a.attnum = adnum
		WHERE pg_get_expr(adbin, adrelid) LIKE '%nextval(%' AND adnum NOT IN (SELECT column_number FROM (` + sequences + `) AS q WHERE q.table_oid = s.oid)`
	stride = "1024"
)

// fenceRules are about what adopting puts in order: triggers and sequences.
var fenceRules = []string{
	sequenceRule,
	`SELECT s.oid, format('the trigger %I guards nothing: %s', t.tgname, concat_ws(', ',
			CASE WHEN tgtype & 1 = 0 THEN 'it is not FOR EACH ROW' END,
			CASE WHEN tgtype & 66 <> 2 THEN 'it is not BEFORE' END,
			CASE WHEN tgtype & 4 = 0 THEN 'not for INSERT' END,
			CASE WHEN tgtype & 16 = 0 THEN 'not for UPDATE' END,
			CASE WHEN tgtype & 8 = 0 THEN 'not for DELETE' END,
			CASE tgenabled WHEN 'D' THEN 'it is disabled' WHEN 'R' THEN 'it is for replicas only' WHEN 'A' THEN 'it would fire for moved rows' END,
			CASE WHEN tgqual IS NOT NULL THEN 'it has a condition (WHEN)' END,
			CASE WHEN cardinality(tgattr::int2[]) > 0 THEN 'it is for some columns only (UPDATE OF)' END,
			CASE WHEN prosrc <> scalestack.fence_source(f.key) OR prosecdef OR proconfig IS NOT NULL OR prolang <> (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
				THEN 'its function was changed' END)) || '. Fix: shardctl adopt ' || s.oid::regclass
		FROM subject s JOIN (` + Fences + `) AS f ON f.tgrelid = s.oid JOIN pg_trigger t ON t.oid = f.oid JOIN pg_proc p ON p.oid = tgfoid
		WHERE tgtype <> 31 OR tgenabled <> 'O' OR tgqual IS NOT NULL OR cardinality(tgattr::int2[]) > 0
			OR prosrc <> scalestack.fence_source(f.key) OR prosecdef OR proconfig IS NOT NULL OR prolang <> (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')`,
	`SELECT s.oid, 'has more than one fence. Fix: shardctl adopt ' || s.oid::regclass
		FROM subject s JOIN (` + Fences + `) AS f ON f.tgrelid = s.oid GROUP BY s.oid HAVING count(*) > 1`,
	`SELECT s.oid, format('the trigger %I fires after the fence and could still change the key. Fix: rename it to something that sorts before %I', t.tgname, f.tgname)
		FROM subject s JOIN (` + Fences + `) AS f ON f.tgrelid = s.oid JOIN pg_trigger t ON t.tgrelid = s.oid
		WHERE NOT tgisinternal AND tgtype & 3 = 3 AND tgtype & 20 <> 0 AND tgenabled <> 'D' AND t.tgname > f.tgname`,
	guardRule, functionsRule,
}

const (
	// The types are BEFORE UPDATE OR DELETE OR TRUNCATE and AFTER INSERT, both of
	// FOR EACH STATEMENT.
	guardRule = `SELECT s.oid, 'has no complete guard for statements that meet no row. Fix: shardctl adopt ' || s.oid::regclass
		FROM subject s JOIN LATERAL (
			SELECT bool_or(tgnargs > 0) AS off, array_agg(tgtype) FILTER (WHERE tgenabled = 'O' AND tgqual IS NULL AND cardinality(tgattr::int2[]) = 0) AS types
			FROM pg_trigger WHERE tgrelid = s.oid AND tgfoid = to_regproc('scalestack.guard')) AS guard ON true
		WHERE EXISTS (SELECT FROM scalestack.shard WHERE strict) AND NOT coalesce(off, false) AND NOT coalesce(types @> '{58,4}'::int2[], false)`
	// What the triggers call, and the formula of the buckets at its extremes.
	functionsRule = `SELECT s.oid, format('the engine''s function scalestack.%s was changed. Fix: shardctl adopt %s', changed, s.oid::regclass)
		FROM subject s CROSS JOIN (SELECT signature FROM scalestack.changed_functions()
			UNION ALL SELECT 'bucket_of(user_id bigint)' FROM scalestack.shard WHERE EXISTS (
				SELECT FROM unnest('{-9223372036854775808,-1,0,1,9223372036854775807}'::bigint[]) AS k
				WHERE scalestack.bucket_of(k) IS DISTINCT FROM (k % buckets + buckets) % buckets)) AS functions(changed)`
)

// Problems returns one text for each reason why the candidates cannot be moved from or
// to the shard. With fences it also judges what only adopted tables have: their
// triggers, and sequences that no two shards share.
func Problems(ctx context.Context, q Querier, shard int, wanted []Candidate, fences bool) ([]string, error) {
	names, keys := make([]string, len(wanted)), make([]string, len(wanted))
	for i, c := range wanted {
		names[i], keys[i] = c.Table, c.Key
	}
	rules := tableRules
	if fences {
		rules = append(append([]string(nil), rules...), fenceRules...)
	}
	rows, err := q.Query(ctx, fmt.Sprintf(`%s, unused AS (SELECT $3::bigint) SELECT DISTINCT oid::regclass::text || ': ' || problem FROM (%s) AS found(oid, problem) ORDER BY 1`,
		candidates, strings.Join(rules, "\nUNION ALL\n")), names, keys, shard)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
