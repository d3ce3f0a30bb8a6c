package reshard

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// table is a sharded table: one that the fence guards.
type table struct {
	OID uint32
	// Name is qualified and quoted.
	Name string
	// Kind is pg_class.relkind, and Identity relreplident.
	Kind, Identity string
	// Columns are quoted, in their order; Key is the primary key's.
	Columns, Key []string
	// Shape is everything that must be the same in both shards.
	Shape []string
	// Sequences are the columns that take their values from one.
	Sequences []string
	// Triggers are those that would fire for replicated rows too.
	Triggers []string
	// UserID is the type of the column user_id.
	UserID string
}

const selectTables = `
	SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind::text, c.relreplident::text,
		array(SELECT quote_ident(attname) FROM pg_attribute
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
		array(SELECT quote_ident(a.attname) FROM pg_index i, unnest(i.indkey::int[]) WITH ORDINALITY AS k(attnum, n), pg_attribute a
			WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum ORDER BY k.n),
		array(SELECT concat_ws(' ', 'column', attname, format_type(atttypid, atttypmod),
				CASE WHEN attnotnull THEN 'not null' END, 'generated ' || nullif(attgenerated::text, ''), pg_get_expr(d.adbin, d.adrelid))
			FROM pg_attribute LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)
		|| array(SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
			WHERE conrelid = c.oid AND contype <> 't' ORDER BY conname)
		|| array(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = c.oid ORDER BY 1),
		array(SELECT attname::text FROM pg_attribute LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
				AND (attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%') ORDER BY attnum),
		array(SELECT tgname::text FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled IN ('A', 'R') ORDER BY 1),
		coalesce((SELECT format_type(atttypid, atttypmod) FROM pg_attribute
			WHERE attrelid = c.oid AND attname = 'user_id' AND NOT attisdropped), '')
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid IN (SELECT tgrelid FROM pg_trigger WHERE tgfoid = 'scalestack.fence'::regproc)
	ORDER BY 1`

func readTables(ctx context.Context, q querier) ([]table, error) {
	rows, err := q.Query(ctx, selectTables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[table])
}

func readBoth(ctx context.Context, source, target *session) (tables, others []table, err error) {
	return both(source, target, func(side *session) ([]table, error) { return readTables(ctx, side) })
}

// filter selects the rows of some buckets. It has the shard map's formula,
// which is right for negative ids, and nothing that a publication refuses.
func filter(buckets []int32, of int) string {
	list := make([]string, len(buckets))
	for i, bucket := range buckets {
		list[i] = fmt.Sprint(bucket)
	}
	return fmt.Sprintf("%s = ANY ('{%s}'::bigint[])", bucketOf(of), strings.Join(list, ","))
}

func bucketOf(buckets int) string {
	return fmt.Sprintf("((user_id %% %[1]d + %[1]d) %% %[1]d)", buckets)
}
