package reshard

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Load is how busy a shard's server is. Counters start when the server's statistics are
// reset, which a crash does.
type Load struct {
	// Connections counts sessions on any database, including parallel workers and
	// workers of subscriptions. MaxConnections is how many the server allows roles
	// other than superusers.
	Connections, MaxConnections int64
	// DatabaseBytes is the size of the shard's database on disk, without the log.
	DatabaseBytes int64
	// Commits and Rollbacks are transactions of the shard's database.
	Commits, Rollbacks int64
	// BlocksRead were not in the server's buffers; BlocksHit were.
	BlocksRead, BlocksHit int64
	// Deadlocks that the server resolved.
	Deadlocks int64
	// TemporaryBytes were written because work_mem was too small.
	TemporaryBytes int64
	// SlotLimitBytes is how much log one replication slot may hold back; -1 means no
	// limit.
	SlotLimitBytes int64
	// Timeline starts at 1. The promotion of a standby and a restore start another one.
	Timeline int64
	// Standbys are the readers of permanent physical replication slots.
	Standbys int64
	// Slots are the replication slots.
	Slots []Slot
}

// Slot is a replication slot.
type Slot struct {
	Name string
	// Active means that a client reads from it.
	Active bool
	// Lost means that the log it needs is gone, so its reader has to start over.
	Lost bool
	// HeldBytes is the size of the log that stays on disk for it.
	HeldBytes int64
}

// Roles without pg_monitor see only the user and database of other sessions, which the
// server's own workers do not have.
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
