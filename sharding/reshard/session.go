package reshard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"golang.org/x/sync/errgroup"
)

// ErrBusy means that another program holds the locks of a mover.
var ErrBusy = errors.New("another mover is at work, or a change of the schema")

// sessionSettings fix everything that changes how a value is written, because rows are
// compared as text. Subscriptions hold a password, so neither the server's log nor its
// statistics may contain these sessions' statements. A server notices within a second
// that a mover is gone, and releases its lock. Defaults that a cluster sets for its
// clients must not end a mover's transactions or change what they see.
var sessionSettings = map[string]string{
	"application_name":                    "scalestack-reshard",
	"timezone":                            "UTC",
	"datestyle":                           "ISO, YMD",
	"intervalstyle":                       "postgres",
	"extra_float_digits":                  "3",
	"bytea_output":                        "hex",
	"search_path":                         "pg_catalog",
	"log_statement":                       "none",
	"log_min_duration_statement":          "-1",
	"log_min_error_statement":             "panic",
	"pg_stat_statements.track_utility":    "off",
	"statement_timeout":                   "0",
	"lock_timeout":                        "0",
	"idle_session_timeout":                "0",
	"idle_in_transaction_session_timeout": "0",
	"default_transaction_isolation":       "read committed",
	"default_transaction_read_only":       "off",
	"synchronous_commit":                  "on",
	"client_connection_check_interval":    "1000",
}

// session is the only connection through which a shard is changed.
type session struct {
	*pgx.Conn
	shard *shardmap.Shard
	// conninfo is how other shards reach this one. told is when the log last said that its password is not known.
	conninfo string
	told     time.Time
	// server identifies the server that answers, see identify.
	server string
}

// fleet has a session for every shard, and the watch of the move under way.
type fleet struct {
	sessions map[int]*session
	// opened is when.
	opened time.Time
	watch  *watch
	// pacing is that of the move under way.
	pacing *pacing
}

func (f *fleet) close() {
	f.unwatch()
	for _, s := range f.sessions {
		bye(s)
	}
}

// bye closes a connection without hanging on a dead server.
func bye(conn interface{ Close(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

func (f *fleet) source(m *Move) *session { return f.sessions[m.Source] }
func (f *fleet) target(m *Move) *session { return f.sessions[m.Target] }

// inOrder returns the sessions by ascending shard id.
func (f *fleet) inOrder() []*session {
	list := make([]*session, 0, len(f.sessions))
	for _, id := range slices.Sorted(maps.Keys(f.sessions)) {
		list = append(list, f.sessions[id])
	}
	return list
}

// broken reports whether a session has ended.
func (f *fleet) broken() bool {
	return slices.ContainsFunc(f.inOrder(), func(s *session) bool { return s.IsClosed() })
}

// open connects to every shard and takes its lock. If some cannot be reached, it lifts
// the fences of the others and returns the error: their writers must not wait for a
// server that may be down for long.
func (m *Mover) open(ctx context.Context) (*fleet, error) {
	f := &fleet{sessions: map[int]*session{}, opened: time.Now()}
	var errs []error
	for i := range m.options.Map.Shards {
		shard := &m.options.Map.Shards[i]
		s, err := m.connect(ctx, shard)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", shard.Name, err))
			if errors.Is(err, ErrBusy) {
				break
			}
			continue
		}
		f.sessions[shard.ID] = s
	}
	if errs == nil {
		return f, nil
	}
	for _, s := range f.inOrder() {
		errs = append(errs, ended(s, m.liftFences(ctx, s)))
	}
	f.close()
	return nil, errors.Join(errs...)
}

func (m *Mover) connect(ctx context.Context, shard *shardmap.Shard) (*session, error) {
	config, err := m.options.Connect(shard)
	if err != nil {
		return nil, err
	}
	maps.Copy(config.RuntimeParams, sessionSettings)
	maps.Copy(config.RuntimeParams, locks.Settings)
	// A standby answers before it is promoted.
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &session{Conn: conn, shard: shard, conninfo: conninfo(config, m.options.SSLMode, m.options.SSLRootCert)}
	if err := m.enter(ctx, s); err != nil {
		if !errors.Is(err, ErrBusy) {
			err = ended(conn, err)
		}
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

// enter checks that the shard is the map's and takes its lock. A mover that was killed
// keeps the lock until the server notices, so enter waits for a few seconds.
func (m *Mover) enter(ctx context.Context, s *session) error {
	if err := identity.Check(ctx, s, s.shard.Name, identity.Of(m.options.Map, s.shard)); err != nil {
		return err
	}
	if err := s.QueryRow(ctx, identify).Scan(&s.server); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.options.LockWait)
	defer cancel()
	err := poll(ctx, 50*time.Millisecond, func() (bool, error) {
		var got bool
		err := s.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", locks.Mover).Scan(&got)
		return got, err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrBusy
	}
	if err != nil {
		return err
	}
	if err := owner.Require(ctx, s.Conn); err != nil {
		// It may be no table that moves.
		m.options.Log.Warn("a shard is not the mover's", "shard", s.shard.Name, "error", err.Error())
	}
	return nil
}

// position is the end of the log that a shard's commits have written to disk.
func (s *session) position(ctx context.Context) (pglogrepl.LSN, error) {
	var text string
	if err := s.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&text); err != nil {
		return 0, err
	}
	return pglogrepl.ParseLSN(text)
}

// flush writes to disk what others committed without waiting for that.
func (s *session) flush(ctx context.Context) error {
	_, err := s.Exec(ctx, "SELECT pg_logical_emit_message(true, 'scalestack', '')")
	return err
}

// conninfo quotes every value as libpq requires. Only the modes that verify get the
// authorities' file: with one, require would verify too.
func conninfo(c *pgx.ConnConfig, sslmode, authorities string) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var text strings.Builder
	pairs := [][2]string{
		{"host", c.Host}, {"port", fmt.Sprint(c.Port)}, {"dbname", c.Database},
		{"user", c.User}, {"password", c.Password}, {"sslmode", sslmode}, {"connect_timeout", "5"},
		// A shard gives its standbys less time than a transaction that a stream applies
		// may take.
		{"options", "-c wal_sender_timeout=60s"},
	}
	if strings.HasPrefix(sslmode, "verify-") {
		pairs = append(pairs, [2]string{"sslrootcert", authorities})
	}
	for _, pair := range pairs {
		fmt.Fprintf(&text, "%s='%s' ", pair[0], quote.Replace(pair[1]))
	}
	return strings.TrimSpace(text.String())
}

// literal quotes a string for statements that take no parameters.
func literal(text string) string {
	quoted := strings.ReplaceAll(text, "'", "''")
	if strings.Contains(quoted, `\`) {
		return "E'" + strings.ReplaceAll(quoted, `\`, `\\`) + "'"
	}
	return "'" + quoted + "'"
}

// both asks two sessions at once. The answer of one is returned even if the other
// fails.
func both[T any](source, target *session, ask func(*session) (T, error)) (from, to T, err error) {
	var asking errgroup.Group
	asking.Go(func() (err error) { from, err = ask(source); return })
	asking.Go(func() (err error) { to, err = ask(target); return })
	err = asking.Wait()
	return from, to, err
}

// poll asks until the answer is yes.
func poll(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// isPassing reports whether a new attempt can cure the error: a server that went away,
// is starting, has no connection left, could not be reached by the other server, or has a
// new password that cannot be read yet.
func isPassing(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return strings.HasPrefix(pgErr.Code, "08") || strings.HasPrefix(pgErr.Code, "57P") ||
			slices.Contains([]string{lockNotAvailable, wrongPassword, tooManyConnections}, pgErr.Code) || pgErr.Routine == listOfPublications
	}
	var connectErr *pgconn.ConnectError
	return errors.As(err, &connectErr)
}

const (
	// lockNotAvailable is the SQLSTATE of a lock that was not granted in time.
	lockNotAvailable = "55P03"
	// wrongPassword is the SQLSTATE of a login with a wrong password.
	wrongPassword = "28P01"
	// tooManyConnections is the SQLSTATE of a server, a role or a database that has as many as it may.
	tooManyConnections = "53300"
	// listOfPublications is the function in which CREATE SUBSCRIPTION asks the other
	// server for the first time. If it gets no answer, the error has no SQLSTATE of its
	// own (check_publications in PostgreSQL 16's subscriptioncmds.c).
	listOfPublications = "check_publications"
)
