package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// relayLock is the advisory lock of a shard's relay, "relay" in ASCII.
const relayLock int64 = 0x72656c6179

const (
	connectTimeout = 5 * time.Second
	closeTimeout   = time.Second
)

// session is a connection that may hold the shard's lock.
type session struct{ conn *pgx.Conn }

func openSession(ctx context.Context, connect func(*shardmap.Shard) (*pgx.ConnConfig, error), m *shardmap.Map, shard *shardmap.Shard) (*session, error) {
	config, err := connect(shard)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		// An outbox is empty most of the time and full at others; the order of its
		// primary key is right for both, whatever the statistics say.
		"enable_seqscan":    "off",
		"statement_timeout": "30s",
		// A relay whose machine has died must not keep the lock for hours.
		"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3", "tcp_user_timeout": "20s",
	} {
		config.RuntimeParams[name] = value
	}
	opening, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(opening, config)
	if err != nil {
		return nil, err
	}
	s := &session{conn}
	if err := identity.Check(opening, conn, shard.Name, identity.Of(m, shard)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// lead waits until no other relay has the lock, and does something else meanwhile.
func (s *session) lead(ctx context.Context, every time.Duration, meanwhile func() error) error {
	for {
		if err := meanwhile(); err != nil {
			return err
		}
		var got bool
		if err := s.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", relayLock).Scan(&got); err != nil {
			return fmt.Errorf("asking for the lock: %w", err)
		}
		if got {
			return nil
		}
		sleep(ctx, every)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = s.conn.Close(ctx)
}
