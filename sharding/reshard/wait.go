package reshard

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// gateEvery is how soon an operator's wish is noticed during a wait.
	gateEvery = 200 * time.Millisecond
	// tellEvery is how often the log says what the mover waits for.
	tellEvery = 10 * time.Second
)

// patiently runs what may wait for other people's transactions on a connection of its
// own. Meanwhile it logs which ones, and does what the operator wants. It gives up
// after Options.Patience.
func (m *Mover) patiently(ctx context.Context, f *fleet, mv *Move, s *session, what string, do func(context.Context) error) error {
	working, cancel := context.WithTimeout(ctx, m.options.Patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- do(working) }()
	began, told := time.Now(), time.Now()
	for {
		select {
		case err := <-ended:
			if err != nil && working.Err() != nil && ctx.Err() == nil {
				return m.outOfPatience(ctx, s, what, time.Since(began))
			}
			return err
		case <-time.After(gateEvery):
		}
		if err := m.gate(ctx, f, mv); err != nil {
			cancel()
			<-ended
			return err
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			m.log(mv).Warn("waiting for transactions to end", "for", what, "shard", s.shard.Name, "since", time.Since(began).Round(time.Second).String(), "transactions", m.tell(ctx, s))
		}
	}
}

func (m *Mover) outOfPatience(ctx context.Context, s *session, what string, waited time.Duration) error {
	return &abortError{fmt.Sprintf("%s: no %s in %s; it waits for %s", s.shard.Name, what, waited.Round(time.Second), m.tell(ctx, s))}
}

// openWriters are the transactions that a new slot waits for: those of every database,
// including prepared ones, the oldest first.
const openWriters = `
	SELECT format('pid %s (%s, database %s, user %s, %s, open for %s)', pid, coalesce(nullif(application_name, ''), 'no name'), datname, usename, state,
		date_trunc('second', clock_timestamp() - xact_start))
	FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
	UNION ALL SELECT format('the prepared transaction %s (database %s, user %s)', gid, database, owner) FROM pg_prepared_xacts
	ORDER BY 1 LIMIT 5`

// tell names the transactions that write on a server.
func (m *Mover) tell(ctx context.Context, s *session) string {
	rows, err := s.Query(ctx, openWriters)
	if err != nil {
		return err.Error()
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err.Error()
	}
	if len(found) == 0 {
		return "none that can be seen now"
	}
	return strings.Join(found, "; ")
}

// holders names the transactions that hold the buckets of a fence.
const holders = `
	SELECT DISTINCT format('pid %s (%s, %s, open for %s)', a.pid, coalesce(nullif(application_name, ''), 'no name'), state, date_trunc('second', clock_timestamp() - xact_start))
	FROM pg_locks l JOIN pg_stat_activity a USING (pid)
	WHERE l.locktype = 'advisory' AND l.classid = 21331 AND l.objid::bigint = ANY ($1::bigint[]) AND l.objsubid = 2 AND l.granted AND a.pid <> pg_backend_pid()
		AND xact_start < clock_timestamp() - interval '1 second'
	ORDER BY 1 LIMIT 5`

func (s *session) holders(ctx context.Context, buckets []int32) string {
	rows, err := s.Query(ctx, holders, buckets)
	if err != nil {
		return err.Error()
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err.Error()
	}
	return strings.Join(found, "; ")
}
