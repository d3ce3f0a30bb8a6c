// Package schema has the migrations of the service's tables. Every table is sharded by
// user_id and fenced, so re-sharding moves its rows with their user.
package schema

import (
	"embed"
	"io/fs"

	"github.com/scalestack/scalestack/sharding/migrate"
)

//go:embed sql/*.sql
var files embed.FS

// Users returns the migrations, for migrate.Service.
func Users() migrate.Schema {
	steps, err := fs.Sub(files, "sql")
	if err != nil {
		panic(err) // The folder is part of the binary.
	}
	return migrate.Schema{Files: steps, Table: "public.users_schema_version", Adopt: map[int64]int64{3: 1, 6: 2}}
}
