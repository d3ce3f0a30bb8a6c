// Package catalog reads from PostgreSQL's catalog which tables are sharded, by which
// key column, and what prevents them from being moved. A table is sharded once it has a
// fence. Whether the fence works is judged by what the catalog says it does, never by
// its name.
package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Querier is a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Fences is a query for the triggers that call a fence of any key column, with
// the columns oid, tgrelid, tgname and key.
const Fences = `
	SELECT t.oid, t.tgrelid, t.tgname, CASE p.proname WHEN 'fence' THEN 'user_id' ELSE substr(p.proname, 10) END AS key
	FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
	WHERE NOT t.tgisinternal AND p.pronamespace = to_regnamespace('scalestack')
		AND (p.proname = 'fence' OR p.proname LIKE 'fence\_by\_%')`

// Table is a sharded table.
type Table struct {
	OID uint32
	// Name is the qualified, quoted name.
	Name string
	// Key is the plain name of the key column, QuotedKey the one for SQL.
	Key, QuotedKey string
	// Columns are the quoted column names, in order.
	Columns []string
	// Binary means that every column can be sent in binary form, which is the same on
	// both servers: base types and enums, and arrays of built-in types.
	Binary bool
	// Guarded is false if the guard is missing or disabled.
	Guarded bool
	// Shape is everything that must be equal on two shards.
	Shape []string
}

const selectTables = `
	SELECT c.oid, format('%I.%I', n.nspname, c.relname), f.key, quote_ident(f.key),
		array(SELECT quote_ident(attname) FROM pg_attribute
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
		NOT EXISTS (SELECT FROM pg_attribute JOIN pg_type t ON t.oid = atttypid LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
				AND (t.typtype NOT IN ('b', 'e') OR t.typsend = 0 OR t.typreceive = 0 OR e.oid >= 16384 OR e.typsend = 0 OR e.typreceive = 0)),
		EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgfoid = to_regproc('scalestack.guard') AND tgnargs = 0),
		ARRAY['sharded by ' || f.key]
		|| array(SELECT concat_ws(' ', 'column', attname, format_type(atttypid, atttypmod),
				CASE WHEN attnotnull THEN 'not null' END, 'generated ' || nullif(attgenerated::text, ''),
				'identity ' || nullif(attidentity::text, ''), pg_get_expr(d.adbin, d.adrelid))
			FROM pg_attribute LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)
		|| array(SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
			WHERE conrelid = c.oid AND contype <> 't' ORDER BY conname)
		|| array(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = c.oid ORDER BY 1)
		|| array(SELECT concat_ws(' ', pg_get_triggerdef(t.oid), CASE tgenabled WHEN 'D' THEN 'disabled' END, 'whose function is', md5(prosrc))
			FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid
			WHERE tgrelid = c.oid AND NOT tgisinternal AND pronamespace IS DISTINCT FROM to_regnamespace('scalestack') ORDER BY tgname)
		|| CASE WHEN relrowsecurity THEN ARRAY['row level security ' || CASE WHEN relforcerowsecurity THEN 'forced' ELSE 'enabled' END] END
		|| array(SELECT concat_ws(' ', 'policy', polname, CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END, 'for', polcmd, 'to', (
				SELECT string_agg(CASE role WHEN 0 THEN 'public' ELSE pg_get_userbyid(role)::text END, ', ' ORDER BY 1) FROM unnest(polroles) AS role),
				'using ' || pg_get_expr(polqual, polrelid), 'check ' || pg_get_expr(polwithcheck, polrelid))
			FROM pg_policy WHERE polrelid = c.oid ORDER BY polname)
	FROM (SELECT DISTINCT ON (tgrelid) tgrelid, key FROM (` + Fences + `) AS fences ORDER BY tgrelid, tgname) AS f
		JOIN pg_class c ON c.oid = f.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	ORDER BY 2`

// Tables returns every table that has a fence, working or not, by name.
func Tables(ctx context.Context, q Querier) ([]Table, error) {
	rows, err := q.Query(ctx, selectTables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Table])
}

// Sequence is a sequence that a column takes its values from.
type Sequence struct {
	// Table and Name are qualified, Column and both are quoted.
	Table, Column, Name string
	// Last is the last value, 0 for a sequence that was never used.
	Last int64
	// Aligned means that it yields only values of its shard.
	Aligned bool
}

// Sequences returns the sequences of some tables, by name.
func Sequences(ctx context.Context, q Querier, shard int, tables []Candidate) ([]Sequence, error) {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Table
	}
	rows, err := q.Query(ctx, `
		SELECT table_oid::regclass::text, quote_ident(attname), sequence::regclass::text, coalesce(pg_sequence_last_value(sequence), 0),
			NOT seqcycle AND seqincrement = `+stride+` AND coalesce(pg_sequence_last_value(sequence), seqstart) % `+stride+` = $2::bigint
		FROM (`+sequences+`) AS q JOIN pg_attribute ON attrelid = table_oid AND attnum = column_number JOIN pg_sequence ON seqrelid = sequence
		WHERE table_oid IN (SELECT to_regclass(name)::oid FROM unnest($1::text[]) AS name) ORDER BY 1, 2`, names, shard)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Sequence])
}
