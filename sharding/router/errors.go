package router

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Moved is the SQLSTATE with which a shard refuses a user that it does not own at the
// moment. Its DETAIL is JSON; docs/client.md has the contract.
const Moved = "SS001"

// IsMoved reports whether a shard refused a user that it does not own. The statement
// had no effect.
func IsMoved(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == Moved
}

// UnavailableError says that a shard cannot serve its users at the moment. Trying again
// later can help.
type UnavailableError struct {
	Shard string
	// Unknown means that the operation may have taken effect: the connection ended
	// before the answer arrived.
	Unknown bool
	Err     error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("%s: unavailable: %v", e.Shard, e.Err) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// attemptError records where an attempt failed: if nothing was sent yet, it certainly
// had no effect.
type attemptError struct {
	sent bool
	// lost means that the connection ended.
	lost bool
	err  error
}

// answer is the database's error, empty if there was none.
func (e *attemptError) answer() (said pgconn.PgError) {
	var pgErr *pgconn.PgError
	if errors.As(e.err, &pgErr) {
		said = *pgErr
	}
	return said
}

func (e *attemptError) code() string { return e.answer().Code }

// hasEffect reports whether the statement may have taken effect. A database that
// answered with an error has rolled back, unless the server ended the session itself
// (57P01 to 57P05), possibly after a commit, or a pooler reports that it lost the
// server (08P01 of PgBouncer).
func (e *attemptError) hasEffect() bool {
	if !e.sent || pgconn.SafeToRetry(e.err) {
		return false
	}
	return e.code() == "" || strings.HasPrefix(e.code(), "57P") || strings.HasPrefix(e.code(), "08")
}

// owner returns the shard id that the fence names, or -1, and its epoch.
func (e *attemptError) owner() (id int, epoch int64) {
	var detail struct {
		Owner *int  `json:"owner"`
		Epoch int64 `json:"epoch"`
	}
	if json.Unmarshal([]byte(e.answer().Detail), &detail) == nil && detail.Owner != nil {
		return *detail.Owner, detail.Epoch
	}
	return -1, 0
}

// isTransient reports whether the same statement can succeed at once: the database
// chose it as the victim of a conflict, or a publication of its table was dropped while
// PostgreSQL 16 looked it up (an internal error, whose text is not translated).
func (e *attemptError) isTransient() bool {
	switch said := e.answer(); said.Code {
	case "40001", "40P01":
		return true
	case "XX000":
		return strings.HasPrefix(said.Message, "cache lookup failed for publication ")
	}
	return false
}

// isUnavailable tells a shard in trouble from a mistake in the statement. Class 08 is
// the connection, 53 resources, 57 the operator or a timeout, 25006 a read-only
// standby, 55P03 a lock that was not available.
func (e *attemptError) isUnavailable() bool {
	code := e.code()
	if !e.sent || e.lost || e.isTransient() {
		return true
	}
	for _, class := range []string{"08", "53", "57", "25006", "40", "55P03", Moved} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

// final is the error that the caller gets.
func (e *attemptError) final(shard string) error {
	if e.isUnavailable() {
		return &UnavailableError{Shard: shard, Unknown: e.hasEffect(), Err: e.err}
	}
	return fmt.Errorf("%s: %w", shard, e.err)
}
