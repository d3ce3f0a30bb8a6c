package migrate

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/access"
)

const (
	// raiseLimit leaves a larger limit alone: earlier pods hold the sessions that it
	// allows, and the pods that replace them need some of their own. A new role has -1,
	// no limit.
	raiseLimit = `
		SELECT format('ALTER ROLE %I CONNECTION LIMIT %s', rolname, $2::integer) FROM pg_roles
		WHERE rolname = $1 AND rolconnlimit < $2::integer`

	tooLarge = `
		FROM unnest($1::text[], $2::integer[]) AS wanted (login, most) JOIN pg_roles ON rolname = login
		CROSS JOIN LATERAL (SELECT count(*) AS sessions FROM pg_stat_activity WHERE usename = login) AS held
		WHERE rolconnlimit > most`

	// lowerLimits never goes below what is in use: every further session would be
	// refused.
	lowerLimits = "SELECT format('ALTER ROLE %I CONNECTION LIMIT %s', login, most)" + tooLarge + " AND sessions <= most"

	inExcess = "SELECT login" + tooLarge + " AND sessions > most"
)

// limitsOf returns all logins of the services with their most connections.
func limitsOf(spec *access.Spec) (logins []string, most []int) {
	for _, s := range spec.Services {
		for _, login := range []string{access.Login(s.Name, 0), access.Login(s.Name, 1)} {
			logins, most = append(logins, login), append(most, s.Connections)
		}
	}
	return logins, most
}

// awaitFewerSessions gives earlier pods time to end. If they do not, the limits of
// their logins stay as they are.
func awaitFewerSessions(ctx context.Context, conn *pgx.Conn, spec *access.Spec, deadline time.Time, log *slog.Logger) error {
	logins, most := limitsOf(spec)
	for {
		rows, err := conn.Query(ctx, inExcess, logins, most)
		if err != nil {
			return err
		}
		excess, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(excess) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			log.Warn("logins have more sessions than their services are to have, and keep the limits of before", "logins", excess)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askEvery):
		}
	}
}

// lower reduces the limits to the connections that the services still have.
func lower(ctx context.Context, tx pgx.Tx, spec *access.Spec) error {
	logins, most := limitsOf(spec)
	return execEach(ctx, tx, lowerLimits, logins, most)
}
