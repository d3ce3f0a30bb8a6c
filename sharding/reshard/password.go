package reshard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// awaitPassword keeps a cutover from beginning while the stream could not connect anew: writers would wait for it.
func (m *Mover) awaitPassword(ctx context.Context, f *fleet, mv *Move, s stream) error {
	return poll(ctx, nudgeEvery, func() (bool, error) {
		if err := m.gate(ctx, f, mv); err != nil {
			return false, err
		}
		return s.renew(ctx)
	})
}

// renewAll gives the streams of a move the passwords that the shards have now: a subscription keeps the one that it was made
// with, and a rotation may have come since.
func (m *Mover) renewAll(ctx context.Context, f *fleet, mv *Move) error {
	for _, s := range []stream{m.forward(f, mv), m.back(f, mv)} {
		if _, err := s.renew(ctx); err != nil {
			return err
		}
	}
	return nil
}

// renew does so for one stream, if it is there. It tells whether the password is known: a new one may reach us two minutes
// after the server. A stream that this process has not given a password gets one: that disturbs nothing.
func (s stream) renew(ctx context.Context) (known bool, err error) {
	if known, err = s.mover.knowPassword(ctx, s.from); err != nil || !known {
		return known, err
	}
	if given, _ := s.mover.given.Load(s.name); given == s.from.conninfo {
		return true, nil
	}
	exists, err := s.subscribed(ctx)
	if err != nil || !exists {
		return true, err
	}
	s.mover.log(s.mv).Info("the stream gets the present password", "stream", s.name)
	return true, s.connect(ctx)
}

// connect gives the subscription the present password.
func (s stream) connect(ctx context.Context) error {
	err := s.to.each(ctx, fmt.Sprintf("ALTER SUBSCRIPTION %s CONNECTION %s", s.name, literal(s.from.conninfo)))
	if err == nil {
		s.mover.given.Store(s.name, s.from.conninfo)
	}
	return err
}

// knowPassword tries the password that is mounted now, and keeps it if the server takes it.
func (m *Mover) knowPassword(ctx context.Context, s *session) (bool, error) {
	config, err := m.options.Connect(s.shard)
	if err != nil {
		return false, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == wrongPassword {
		if time.Since(s.told) >= tellEvery {
			s.told = time.Now()
			m.options.Log.Warn("the password of a shard may have changed, and the new one is not here yet", "shard", s.shard.Name, "error", err.Error())
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_ = conn.Close(ctx)
	s.conninfo = conninfo(config, m.options.SSLMode, m.options.SSLRootCert)
	return true, nil
}
