package reshard

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
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
// after the server.
func (s stream) renew(ctx context.Context) (known bool, err error) {
	if known, err = s.mover.knowPassword(ctx, s.from); err != nil || !known {
		return known, err
	}
	var differs bool
	err = s.to.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_subscription WHERE subname = $1 AND subconninfo <> $2)", s.name, s.from.conninfo).Scan(&differs)
	if err != nil || !differs {
		return true, err
	}
	s.mover.log(s.mv).Info("the stream gets a new password", "stream", s.name)
	return true, s.to.each(ctx, fmt.Sprintf("ALTER SUBSCRIPTION %s CONNECTION %s", s.name, literal(s.from.conninfo)))
}

// knowPassword reads the password anew when the server has got another one, and keeps it if the server takes it.
func (m *Mover) knowPassword(ctx context.Context, s *session) (bool, error) {
	var stored string
	if err := s.QueryRow(ctx, "SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = current_user").Scan(&stored); err != nil {
		return false, err
	}
	if s.known && stored == s.stored {
		return true, nil
	}
	config, err := m.options.Connect(s.shard)
	if err != nil {
		return false, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		if time.Since(s.told) >= tellEvery {
			s.told = time.Now()
			m.options.Log.Warn("the password of a shard may have changed, and the new one is not here yet", "shard", s.shard.Name, "error", err.Error())
		}
		return false, nil
	}
	_ = conn.Close(ctx)
	s.conninfo, s.stored, s.known = conninfo(config, m.options.SSLMode, m.options.SSLRootCert), stored, true
	return true, nil
}
