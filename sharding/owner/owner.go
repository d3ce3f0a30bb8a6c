// Package owner has the SQL with which a shard's own pod keeps the roles of migrations and moves, so that neither has to be a superuser.
package owner

import (
	_ "embed"
	"strings"
)

const (
	// Role owns the shard's database and what services have in it: their migrations log in as it.
	Role = "scalestack_owner"
	// Mover is whom the engine's own programs log in as. It owns the schema scalestack and may do all that Role may.
	Mover = "scalestack_mover"
)

// SQL is for a superuser in the shard's database, by psql or postgres --single -j. It makes both roles, without passwords, gives them
// what is the superuser's, and changes nothing where all is as it should be. What is in use it leaves for the next time, with a warning.
//
//go:embed owner.sql
var SQL string

// Statements are those of SQL, for who sends them one by one: inside a transaction they are refused.
func Statements() []string {
	return strings.SplitAfter(strings.TrimRight(SQL, "\n"), ";\n\n")
}
