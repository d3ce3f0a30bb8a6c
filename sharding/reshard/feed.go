package reshard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/scalestack/scalestack/sharding/catalog"
)

// askEvery is how long a feed waits for changes before it asks the server again how far
// it is.
const askEvery = 10 * time.Millisecond

// feedSettings let a feed stay silent as long as a comparison takes, and still end it
// soon after its mover's machine is gone.
var feedSettings = map[string]string{
	"replication":          "database",
	"wal_sender_timeout":   "0",
	"tcp_keepalives_idle":  "10",
	"tcp_keepalives_count": "3",
	"tcp_user_timeout":     "30000",
}

// feed reports which users' rows change on one shard, whoever changes them. It reads
// the log through a slot that ends with its connection.
type feed struct {
	conn *pgconn.PgConn
	// tables are the sharded tables, by oid; keyAt is the position of the key column in
	// the rows of each.
	tables   map[uint32]catalog.Table
	keyAt    map[uint32]int
	received pglogrepl.LSN
	changed  func(table string, user int64)
}

// openFeed returns a feed of everything that is committed from now on. The publication
// of the same name must exist.
func (m *Mover) openFeed(ctx context.Context, s *session, name string, tables []catalog.Table, changed func(table string, user int64)) (*feed, error) {
	config, err := m.options.Connect(s.shard)
	if err != nil {
		return nil, err
	}
	maps.Copy(config.RuntimeParams, sessionSettings)
	maps.Copy(config.RuntimeParams, feedSettings)
	conn, err := pgconn.ConnectConfig(ctx, &config.Config)
	if err != nil {
		return nil, err
	}
	f := &feed{conn: conn, tables: map[uint32]catalog.Table{}, keyAt: map[uint32]int{}, changed: changed}
	for _, t := range tables {
		f.tables[t.OID] = t
	}
	if err := f.start(ctx, name); err != nil {
		f.close()
		var refused *pgconn.PgError
		if !errors.As(err, &refused) {
			err = broken(err)
		}
		return nil, fmt.Errorf("%s: watching: %w", s.shard.Name, err)
	}
	return f, nil
}

func (f *feed) start(ctx context.Context, name string) error {
	slot, err := pglogrepl.CreateReplicationSlot(ctx, f.conn, name, "pgoutput",
		pglogrepl.CreateReplicationSlotOptions{Temporary: true, SnapshotAction: "NOEXPORT_SNAPSHOT"})
	if err != nil {
		return err
	}
	if f.received, err = pglogrepl.ParseLSN(slot.ConsistentPoint); err != nil {
		return err
	}
	return pglogrepl.StartReplication(ctx, f.conn, name, f.received,
		pglogrepl.StartReplicationOptions{PluginArgs: []string{"proto_version '1'", fmt.Sprintf("publication_names '%s'", name)}})
}

func (f *feed) close() { bye(f.conn) }

// readTo processes everything that was committed before a position of the log.
func (f *feed) readTo(ctx context.Context, position pglogrepl.LSN) error {
	asked := time.Time{}
	for f.received < position {
		if time.Since(asked) >= askEvery {
			asked = time.Now()
			if err := f.report(ctx, true); err != nil {
				return err
			}
		}
		if err := f.next(ctx); err != nil {
			return err
		}
	}
	return f.report(ctx, false)
}

// report lets the server discard the log that was processed.
func (f *feed) report(ctx context.Context, ask bool) error {
	err := pglogrepl.SendStandbyStatusUpdate(ctx, f.conn, pglogrepl.StandbyStatusUpdate{WALWritePosition: f.received, ReplyRequested: ask})
	return brokenFeed(err)
}

// next processes one message, if one arrives soon.
func (f *feed) next(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, askEvery)
	defer cancel()
	message, err := f.conn.ReceiveMessage(waiting)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if pgconn.Timeout(err) {
			return nil
		}
		return brokenFeed(err)
	}
	switch message := message.(type) {
	case *pgproto3.CopyData:
		return f.take(message.Data)
	case *pgproto3.ErrorResponse:
		return brokenFeed(pgconn.ErrorResponseToPgError(message))
	}
	return nil
}

// brokenFeed makes the mover start over with new connections.
func brokenFeed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("watching: %w", broken(err))
}

func (f *feed) take(data []byte) error {
	switch data[0] {
	case pglogrepl.PrimaryKeepaliveMessageByteID:
		alive, err := pglogrepl.ParsePrimaryKeepaliveMessage(data[1:])
		if err != nil {
			return err
		}
		// Everything that was committed earlier was sent earlier.
		f.received = max(f.received, alive.ServerWALEnd)
		return nil
	case pglogrepl.XLogDataByteID:
		entry, err := pglogrepl.ParseXLogData(data[1:])
		if err != nil {
			return err
		}
		change, err := pglogrepl.Parse(entry.WALData)
		if err != nil {
			return err
		}
		return f.apply(change)
	}
	return nil
}

func (f *feed) apply(change pglogrepl.Message) error {
	switch change := change.(type) {
	case *pglogrepl.RelationMessage:
		key := f.tables[change.RelationID].Key
		f.keyAt[change.RelationID] = slices.IndexFunc(change.Columns, func(c *pglogrepl.RelationMessageColumn) bool { return c.Name == key })
	case *pglogrepl.InsertMessage:
		return f.mark(change.RelationID, change.Tuple)
	case *pglogrepl.UpdateMessage:
		return errors.Join(f.mark(change.RelationID, change.OldTuple), f.mark(change.RelationID, change.NewTuple))
	case *pglogrepl.DeleteMessage:
		return f.mark(change.RelationID, change.OldTuple)
	case *pglogrepl.TruncateMessage:
		return &abortError{"a sharded table was truncated"}
	}
	return nil
}

func (f *feed) mark(relation uint32, row *pglogrepl.TupleData) error {
	if row == nil {
		return nil
	}
	column, found := f.keyAt[relation]
	t := f.tables[relation]
	if !found || column < 0 || column >= len(row.Columns) || t.Name == "" {
		return &abortError{fmt.Sprintf("the schema has changed: the log tells of rows of table %d without a key", relation)}
	}
	key, err := strconv.ParseInt(string(row.Columns[column].Data), 10, 64)
	if err != nil {
		return fmt.Errorf("%s: %s of a change: %w", t.Name, t.Key, err)
	}
	f.changed(t.Name, key)
	return nil
}
