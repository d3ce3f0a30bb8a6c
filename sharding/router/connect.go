package router

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/credentials"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	// Idle connections cost the shard memory; a service under load has none.
	maxIdleTime = 5 * time.Minute
	// Long-lived connections pin a shard's old address and old password.
	maxLifetime       = 30 * time.Minute
	maxLifetimeJitter = 5 * time.Minute
)

// ConnConfig returns the settings of a single connection to a shard, with its current
// credentials and without the checks and limits of a pool. If there are former
// passwords, it tries which of them the shard accepts.
func (o Options) ConnConfig(shard *shardmap.Shard) (*pgx.ConnConfig, error) {
	o = o.withDefaults()
	config, err := o.poolConfig(shard)
	if err != nil {
		return nil, err
	}
	return config.ConnConfig, o.setCredentials(context.Background(), shard, config.ConnConfig)
}

func (o Options) poolConfig(shard *shardmap.Shard) (*pgxpool.Config, error) {
	query := url.Values{"sslmode": {o.SSLMode}, "application_name": {o.Application}}
	if o.SSLRootCert != "" {
		query.Set("sslrootcert", o.SSLRootCert)
	}
	location := url.URL{
		Scheme:   "postgres",
		Host:     net.JoinHostPort(shard.Host, strconv.Itoa(shard.Port)),
		Path:     "/" + shard.Database,
		RawQuery: query.Encode(),
	}
	config, err := pgxpool.ParseConfig(location.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shard.Name, err)
	}
	config.ConnConfig.ConnectTimeout = o.ConnectTimeout
	bound(&config.ConnConfig.Config, o.ConnectTimeout)
	return config, nil
}

// noTLS is the sslmode without TLS.
const noTLS = "disable"

// trustAnew reads the authorities' file again: pgx reads it once for all connections of
// a pool.
func (o Options) trustAnew(shard *shardmap.Shard, config *pgx.ConnConfig) error {
	if o.SSLMode == noTLS {
		return nil
	}
	fresh, err := o.poolConfig(shard)
	if err != nil {
		return err
	}
	config.TLSConfig = fresh.ConnConfig.TLSConfig
	return nil
}

func (o Options) setCredentials(ctx context.Context, shard *shardmap.Shard, config *pgx.ConnConfig) error {
	login, err := credentials.ReadLogin(filepath.Join(o.Credentials, shard.Name))
	if err != nil {
		return err
	}
	config.User, config.Password = login.User, login.Password
	for _, former := range login.Former {
		if !o.refused(ctx, config) {
			break
		}
		config.Password = former
	}
	return nil
}

// wrongPassword is the SQLSTATE of a login with a wrong password.
const wrongPassword = "28P01"

// refused reports whether the shard has another password. Any other error is ignored
// here: the connection that follows will return it.
func (o Options) refused(ctx context.Context, config *pgx.ConnConfig) bool {
	ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, &config.Config)
	if err == nil {
		_ = conn.Close(ctx)
	}
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == wrongPassword
}

// newPool makes a pool that connects only when it is used, so that a shard that is down
// affects nobody else. Every new connection is checked: it must reach the primary of
// the shard that the map means, and that shard must not have forgotten a move.
func (o Options) newPool(ctx context.Context, m *shardmap.Map, shard *shardmap.Shard, known *epochs) (*pgxpool.Pool, error) {
	config, err := o.poolConfig(shard)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(o.Pool)
	config.MaxConnIdleTime = maxIdleTime
	config.MaxConnLifetime = maxLifetime
	config.MaxConnLifetimeJitter = maxLifetimeJitter
	if err := o.throughPooler(config.ConnConfig, shard); err != nil {
		return nil, err
	}
	config.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) error {
		if err := o.trustAnew(shard, c); err != nil {
			return err
		}
		return o.setCredentials(ctx, shard, c)
	}
	want := identity.Of(m, shard)
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := takesWrites(conn, shard); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
		defer cancel()
		if err := identity.Check(ctx, conn, shard.Name, want); err != nil {
			return err
		}
		return known.check(ctx, conn, shard)
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// takesWrites refuses a standby. For moments after a failover the Service's address
// still leads to the former primary; a pool would keep the connection and read data
// older than what was acknowledged. The server reports its role on every connection;
// behind a pooler it has to be asked.
func takesWrites(conn *pgx.Conn, shard *shardmap.Shard) error {
	if conn.PgConn().ParameterStatus("in_hot_standby") == "on" {
		return fmt.Errorf("%s: reached a standby and not the primary", shard.Name)
	}
	return nil
}
