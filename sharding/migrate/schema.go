package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/scalestack/scalestack/sharding/locks"
)

// Schema is a set of migrations with one owner.
type Schema struct {
	// Files holds the steps in its root, named like 00001_name.sql, in goose's format.
	Files fs.FS
	// Table records the applied versions. It includes the schema, for example
	// "public.orders_schema_version"; no two owners share one.
	Table string
	// Adopt is for tables that were created while engine and service still shared one
	// list of versions, scalestack.migrations: it maps the versions there to those of
	// Files. Default: nothing is adopted.
	Adopt map[int64]int64

	engine bool
}

// apply runs the steps that the database lacks, as long as all sessions that lock
// others out are alive.
func (s Schema) apply(ctx context.Context, conn *pgx.Conn, keepers []*pgx.Conn, log *slog.Logger) error {
	config := conn.Config()
	config.RuntimeParams["lock_timeout"] = strconv.FormatInt(locks.Wait.Milliseconds(), 10)
	db := stdlib.OpenDB(*config)
	defer db.Close()
	if err := s.adopt(ctx, db, log); err != nil {
		return fmt.Errorf("adopting the versions of scalestack.migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, s.Files,
		goose.WithTableName(s.Table), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if pending, err := provider.HasPending(ctx); err != nil || !pending {
		return err
	}
	// This lasts until the connection ends. A service already holds the lock on all
	// shards.
	if err := locks.Take(ctx, conn, locks.Mover); err != nil {
		return err
	}
	return locks.Guard(ctx, keepers, func(ctx context.Context) error { return s.up(ctx, provider, log) })
}

func (s Schema) up(ctx context.Context, provider *goose.Provider, log *slog.Logger) error {
	for {
		results, err := provider.Up(ctx)
		for _, step := range results {
			log.Info("migration applied", "schema", s.Table, "file", step.Source.Path, "took", step.Duration)
		}
		if !locks.Late(err) {
			return err
		}
		if err := locks.Pause(ctx, log, err); err != nil {
			return err
		}
	}
}

// pending reports whether a database lacks steps. It changes nothing.
func (s Schema) pending(ctx context.Context, conn *pgx.Conn) (bool, error) {
	applied, err := s.applied(ctx, conn)
	if err != nil {
		return false, err
	}
	steps, err := s.versions()
	return slices.ContainsFunc(steps, func(version int64) bool { return !slices.Contains(applied, version) }), err
}

// applied returns the versions that the database has or would adopt.
func (s Schema) applied(ctx context.Context, conn *pgx.Conn) ([]int64, error) {
	var own, former bool
	err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL, to_regclass('scalestack.migrations') IS NOT NULL", s.Table).Scan(&own, &former)
	switch {
	case err != nil:
		return nil, err
	case own:
		return versionsOf(ctx, conn, "SELECT version_id FROM "+s.Table+" WHERE is_applied")
	case !former:
		return nil, nil
	}
	versions, err := versionsOf(ctx, conn, formerVersions)
	for i, version := range versions {
		versions[i] = s.Adopt[version]
	}
	return versions, err
}

func versionsOf(ctx context.Context, conn *pgx.Conn, query string) ([]int64, error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// versions returns the versions of all steps.
func (s Schema) versions() (versions []int64, err error) {
	names, err := fs.Glob(s.Files, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		versions = append(versions, version)
	}
	return versions, nil
}

const (
	mustAdopt = "SELECT to_regclass('scalestack.migrations') IS NOT NULL AND to_regclass($1) IS NULL"
	// The former table stays as it is: the other owner adopts from it as well, and an
	// older release that is deployed again finds nothing to do.
	formerVersions = "SELECT DISTINCT version_id FROM scalestack.migrations WHERE is_applied ORDER BY version_id"
)

// adopt records steps that were applied under another number. The table and the
// versions are written in one transaction: once the table exists, nothing is left to
// adopt.
func (s Schema) adopt(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	if len(s.Adopt) == 0 {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var must bool
	if err := tx.QueryRowContext(ctx, mustAdopt, s.Table).Scan(&must); err != nil || !must {
		return err
	}
	versions, err := s.adopted(ctx, tx)
	if err != nil {
		return err
	}
	table, err := database.NewStore(database.DialectPostgres, s.Table)
	if err != nil {
		return err
	}
	if err := table.CreateVersionTable(ctx, tx); err != nil {
		return err
	}
	for _, version := range versions {
		if err := table.Insert(ctx, tx, database.InsertRequest{Version: version}); err != nil {
			return err
		}
	}
	log.Info("migrations adopted", "schema", s.Table, "versions", versions)
	return tx.Commit()
}

// adopted returns the versions to record, after the 0 with which goose's tables begin.
func (s Schema) adopted(ctx context.Context, tx *sql.Tx) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, formerVersions)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	versions := []int64{0}
	for rows.Next() {
		var former int64
		if err := rows.Scan(&former); err != nil {
			return nil, err
		}
		if version, ours := s.Adopt[former]; ours {
			versions = append(versions, version)
		}
	}
	return versions, rows.Err()
}
