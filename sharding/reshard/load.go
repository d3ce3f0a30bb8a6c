package reshard

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Load is how busy a shard's server is. Counts are since the server's statistics
// were reset, which a crash does.
type Load struct {
	// Connections are sessions on any database, with parallel workers and the workers of
	// subscriptions; MaxConnections is how many the server gives to roles other than
	// superusers.
	Connections, MaxConnections int64
	// DatabaseBytes are the shard's database on disk, without the log.
	DatabaseBytes int64
	// Commits and Rollbacks are transactions of the shard's database.
	Commits, Rollbacks int64
	// BlocksRead were not in the server's buffers, BlocksHit were.
	BlocksRead, BlocksHit int64
	// Deadlocks that the server broke.
	Deadlocks int64
	// TemporaryBytes were written because work_mem did not suffice.
	TemporaryBytes int64
	// SlotLimitBytes is how much log one replication slot may hold back; -1 is no limit.
	SlotLimitBytes int64
	// Timeline begins with 1; the promotion of a standby and a restore begin another one.
	Timeline int64
	// Standbys are the readers of physical replication slots that stay.
	Standbys int64
	// Slots are the replication slots.
	Slots []Slot
}

// Slot is a replication slot.
type Slot struct {
	Name string
	// Active says whether somebody reads from it.
	Active bool
	// Lost says that the log it needs is gone, so that its reader has to begin anew.
	Lost bool
	// HeldBytes of the log stay on the disk for it.
	HeldBytes int64
}

// What roles without pg_monitor see of other sessions is their user and database, which
// the server's own workers do not have.
const loadQuery = `SELECT
	(SELECT count(*) FROM pg_stat_activity WHERE usesysid IS NOT NULL AND datid IS NOT NULL),
	current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
		- current_setting('reserved_connections')::bigint,
	pg_database_size(current_database()),
	xact_commit, xact_rollback, blks_read, blks_hit, deadlocks, temp_bytes,
	CASE current_setting('max_slot_wal_keep_size') WHEN '-1' THEN -1 ELSE pg_size_bytes(current_setting('max_slot_wal_keep_size')) END,
	('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint,
	(SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical' AND active AND NOT temporary)
FROM pg_stat_database WHERE datname = current_database()`

const slotsQuery = `SELECT slot_name, active, wal_status = 'lost', coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint
FROM pg_replication_slots ORDER BY slot_name`

func (l *Load) read(ctx context.Context, conn *pgx.Conn) error {
	err := conn.QueryRow(ctx, loadQuery).Scan(&l.Connections, &l.MaxConnections, &l.DatabaseBytes, &l.Commits, &l.Rollbacks,
		&l.BlocksRead, &l.BlocksHit, &l.Deadlocks, &l.TemporaryBytes, &l.SlotLimitBytes, &l.Timeline, &l.Standbys)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, slotsQuery)
	if err != nil {
		return err
	}
	l.Slots, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Slot])
	return err
}
