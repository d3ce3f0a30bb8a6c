// Package owner has the SQL with which a shard's own pod keeps the roles of migrations and moves, so that neither has to be a superuser.
package owner

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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

// Require takes over what a superuser has left in a shard since its pod last looked. It returns an error that names what is in use, or
// that the caller may not take over: he could not change it. A superuser can, and a database of before has no roles.
func Require(ctx context.Context, conn *pgx.Conn) error {
	var may bool
	if err := conn.QueryRow(ctx, "SELECT rolsuper OR to_regproc('scalestack_pod.unowned') IS NULL FROM pg_roles WHERE rolname = current_user").Scan(&may); err != nil || may {
		return err
	}
	type object struct {
		Class, ID       uint32
		Name, Statement string
	}
	rows, err := conn.Query(ctx, "SELECT class::oid, id, object, statement FROM scalestack_pod.unowned()")
	if err != nil {
		return err
	}
	left, err := pgx.CollectRows(rows, pgx.RowToStructByPos[object])
	if err != nil {
		return err
	}
	for _, one := range left {
		var refused *pgconn.PgError
		if _, err := conn.Exec(ctx, "SELECT scalestack_pod.own($1::oid::regclass, $2)", one.Class, one.ID); errors.As(err, &refused) {
			return fmt.Errorf("%s belongs to the superuser (%s). Its pod tries this again and again: %s", one.Name, refused.Message, one.Statement)
		} else if err != nil {
			return err
		}
	}
	return nil
}
