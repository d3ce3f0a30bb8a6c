package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// failedOver begins the reason of a move that was taken back because one of its servers
// is no longer the one that its stream was made with. A slot does not survive a
// failover, and a promoted target may lack what it had confirmed, so such a move is
// made again.
const failedOver = "another server took over: "

// remakes limits how often Run makes moves again.
const remakes = 10

// identify returns a server's system identifier, which a copy of its data keeps, and
// its timeline, which a promotion changes.
const identify = "SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()"

// What the source of a stream records about it.
const (
	streamNote = "SELECT coalesce((SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = $1), '')"
	streamKept = "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1 AND wal_status IS DISTINCT FROM 'lost')"
)

// servers identifies both ends of a stream. It holds as long as the sessions live: a
// server that is promoted or steps down ends its sessions.
func (s stream) servers() string { return s.from.server + " " + s.to.server }

// note records with the publication which servers the stream was made with.
func (s stream) note(ctx context.Context) error {
	_, err := s.from.Exec(ctx, fmt.Sprintf("COMMENT ON PUBLICATION %s IS %s", s.name, literal(s.servers())))
	return err
}

// missed says why the target cannot get all of the source's changes through this
// stream, or returns "".
func (s stream) missed(ctx context.Context) (string, error) {
	var note string
	var kept bool
	if err := s.from.QueryRow(ctx, "SELECT ("+streamNote+"), ("+streamKept+")", s.name).Scan(&note, &kept); err != nil {
		return "", err
	}
	switch {
	case note != s.servers():
		return failedOver + s.other(note), nil
	case !kept:
		return s.from.shard.Name + " no longer has the changes that " + s.to.shard.Name + " needs", nil
	}
	return "", nil
}

// other names the side that the note does not know.
func (s stream) other(note string) string {
	from, to, _ := strings.Cut(note, " ")
	var changed []string
	for _, side := range []struct {
		*session
		noted string
	}{{s.from, from}, {s.to, to}} {
		if side.server != side.noted {
			changed = append(changed, fmt.Sprintf("%s is %s, the stream was made with %q", side.shard.Name, side.server, side.noted))
		}
	}
	return strings.Join(changed, "; ")
}

// requireServers stops a move that can still be taken back once its stream can no
// longer carry everything.
func (m *Mover) requireServers(ctx context.Context, f *fleet, mv *Move) error {
	if mv.State == Planned || !mv.State.canAbort() {
		return nil
	}
	s := m.forward(f, mv)
	if err := s.require(ctx); err != nil {
		return err
	}
	return s.requireCopies(ctx)
}

func (s stream) require(ctx context.Context) error {
	gap, err := s.gap(ctx)
	if err == nil && gap != "" {
		err = &abortError{gap}
	}
	return err
}

// gap says why the target does not get everything through this stream: what it has
// missed, and which tables it does not carry.
func (s stream) gap(ctx context.Context) (string, error) {
	missed, err := s.missed(ctx)
	if err != nil || missed != "" {
		return missed, err
	}
	return s.lacks(ctx)
}

// bringRest gives the target the last of what the source has given up. At that moment a
// failover may have taken the stream, or a table may have been added. Nobody writes
// these buckets then, so the target needs nothing more if both sides are equal;
// otherwise it returns a *DifferenceError.
func (m *Mover) bringRest(ctx context.Context, f *fleet, mv *Move) error {
	s := m.forward(f, mv)
	missed, err := s.missed(ctx)
	if err != nil {
		return err
	}
	if missed == "" {
		if err := s.drain(ctx, copyLag, cutoverPoll); err != nil {
			return err
		}
		if missed, err = s.lacks(ctx); err != nil || missed == "" {
			return err
		}
	}
	taken, err := f.target(mv).claimed(ctx, mv.Buckets)
	if err != nil || taken {
		return err
	}
	m.log(mv).Warn("comparing all rows of what was handed over", "reason", missed)
	if err := m.requireEqual(ctx, s); err != nil {
		mv.Reason = missed
		return err
	}
	return nil
}

// requireEqual compares everything while nobody writes it.
func (m *Mover) requireEqual(ctx context.Context, s stream) error {
	tables, err := m.sameTables(ctx, s)
	if err != nil {
		return err
	}
	var cells []cell
	for _, t := range tables {
		if err := eachPair(ctx, s, t, func(from, to *digest) error {
			switch {
			case to == nil:
				cells = append(cells, cell{t.Name, from.user})
			case from == nil || *from != *to:
				cells = append(cells, cell{t.Name, to.user})
			}
			if len(cells) > tooDifferent {
				return &DifferenceError{[]string{fmt.Sprintf("more than %d users", tooDifferent)}}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return m.differenceError(cells)
}

// keep makes the source own again what it gave up for a target that lacks some of it
// and has not claimed it.
func (m *Mover) keep(ctx context.Context, f *fleet, mv *Move) error {
	return inSource(ctx, f, mv, Aborting, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE scalestack.ownership SET state = 'owned', epoch = epoch + 1, owner = $2, changed_at = now()
			WHERE bucket = ANY ($1) AND state = 'moved' AND owner = $3`, mv.Buckets, mv.Source, mv.Target)
		if err == nil && int(tag.RowsAffected()) != len(mv.Buckets) {
			err = fmt.Errorf("only %d of %d buckets could be taken back", tag.RowsAffected(), len(mv.Buckets))
		}
		return err
	})
}

// again reports whether a move that was taken back should be made once more.
func again(err error) bool {
	var ended *EndedError
	return errors.As(err, &ended) && ended.Move.State == Aborted &&
		slices.ContainsFunc([]string{failedOver, otherTables, cutOff}, func(reason string) bool { return strings.HasPrefix(ended.Move.Reason, reason) })
}
