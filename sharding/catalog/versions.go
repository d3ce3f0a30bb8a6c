package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// selectVersions reads what the log of logical replication does not contain. A catalog
// row gets another xmin whenever it changes.
const selectVersions = `
	SELECT format('%I.%I', n.nspname, c.relname), concat_ws(' ', c.oid, pg_relation_filenode(c.oid),
		(SELECT string_agg(attnum || ':' || a.xmin::text, ',' ORDER BY attnum) FROM pg_attribute a
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
		(SELECT string_agg(t.oid || ':' || t.xmin::text, ',' ORDER BY t.oid) FROM pg_trigger t WHERE tgrelid = c.oid AND NOT tgisinternal))
	FROM (SELECT DISTINCT tgrelid FROM (` + Fences + `) AS fences) AS f
		JOIN pg_class c ON c.oid = f.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace`

// Versions returns a text for every sharded table, by its name as in Table. The text
// changes when the table is created anew, rewritten or altered, or one of its triggers
// changes.
func Versions(ctx context.Context, q Querier) (map[string]string, error) {
	rows, err := q.Query(ctx, selectVersions)
	if err != nil {
		return nil, err
	}
	versions, name, version := map[string]string{}, "", ""
	_, err = pgx.ForEachRow(rows, []any{&name, &version}, func() error {
		versions[name] = version
		return nil
	})
	return versions, err
}
