package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// cutOff begins the reason of a move that was taken back because the copy of a table
// was interrupted at its end and PostgreSQL cannot continue it. Such a move is made
// again.
const cutOff = "a copy was cut off as it ended: "

// ending is a table whose rows are copied but whose changes do not follow yet. Before
// that PostgreSQL recreates the copy's slot and origin whenever it has to, and
// afterwards it needs neither. In between it asks for both for ever, even if they are
// gone.
//
// They are lost when a server dies, or their connection ends, after the source has
// dropped the slot and before the target has committed that it no longer needs it.
type ending struct {
	OID         uint32
	Table, Slot string
	NoOrigin    bool
}

// selectEndings relies on how PostgreSQL names what a copy needs.
const selectEndings = `
	SELECT srrelid, srrelid::regclass::text, format('pg_%s_sync_%s_%s', srsubid, srrelid, (SELECT system_identifier FROM pg_control_system())),
		NOT EXISTS (SELECT FROM pg_replication_origin WHERE roname = format('pg_%s_%s', srsubid, srrelid))
	FROM pg_subscription_rel JOIN pg_subscription s ON s.oid = srsubid WHERE subname = $1 AND srsubstate = 'f' ORDER BY 2`

func (s stream) endings(ctx context.Context) ([]ending, error) {
	rows, err := s.to.Query(ctx, selectEndings, s.name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[ending])
}

// cut says which copy can never end, or returns "" if all can.
//
// Between the drop of the slot and the commit a healthy copy looks the same, for as
// long as the commit waits for a standby. But the worker that dropped the slot stays
// until it has committed. So the order of the questions decides, not a timeout: a copy
// that is seen without a worker after its slot was gone, and has not committed after
// that, never will.
func (s stream) cut(ctx context.Context) (string, error) {
	before, err := s.endings(ctx)
	if err != nil || len(before) == 0 {
		return "", err
	}
	lost, err := s.copySlots(ctx, before)
	if err != nil {
		return "", err
	}
	var working []uint32
	if err := s.to.QueryRow(ctx, "SELECT array(SELECT relid FROM pg_stat_subscription WHERE subname = $1 AND relid IS NOT NULL)", s.name).Scan(&working); err != nil {
		return "", err
	}
	after, err := s.endings(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range after {
		fallen, there := lost[e.Slot]
		switch {
		case !slices.Contains(before, e) || slices.Contains(working, e.OID):
		case fallen:
			return fmt.Sprintf("%s no longer has the changes of %s that %s needs", s.from.shard.Name, e.Table, s.to.shard.Name), nil
		case !there:
			return fmt.Sprintf("%s%s waits for the slot %s of %s, which %s no longer has", cutOff, s.to.shard.Name, e.Slot, e.Table, s.from.shard.Name), nil
		case e.NoOrigin:
			return fmt.Sprintf("%s%s has lost how far its copy of %s has come", cutOff, s.to.shard.Name, e.Table), nil
		}
	}
	return "", nil
}

// copySlots returns which slots of the copies the source has, and whether each has
// fallen too far behind.
func (s stream) copySlots(ctx context.Context, copies []ending) (map[string]bool, error) {
	var names []string
	for _, e := range copies {
		names = append(names, e.Slot)
	}
	rows, err := s.from.Query(ctx, "SELECT slot_name::text, wal_status IS NOT DISTINCT FROM 'lost' FROM pg_replication_slots WHERE slot_name = ANY ($1)", names)
	if err != nil {
		return nil, err
	}
	lost, name, fallen := map[string]bool{}, "", false
	_, err = pgx.ForEachRow(rows, []any{&name, &fallen}, func() error {
		lost[name] = fallen
		return nil
	})
	return lost, err
}

// requireCopies stops a move with a copy that can never end.
func (s stream) requireCopies(ctx context.Context) error {
	reason, err := s.cut(ctx)
	if err == nil && reason != "" {
		err = &abortError{reason}
	}
	return err
}

func isCutOff(err error) bool {
	var unwanted *abortError
	return errors.As(err, &unwanted) && strings.HasPrefix(unwanted.reason, cutOff)
}
