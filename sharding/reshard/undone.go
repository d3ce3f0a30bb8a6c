package reshard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// A mover does not make a move again that a person has taken back. If the mover was
// away at the time, it finds the move's row when it returns: the row keeps the map that
// wanted the move until a mover has ended because of it.

// undone selects them. $1 are the states, $2 is the map.
const undone = "WHERE wanted = 'abort' AND state = ANY ($1) AND map = $2 ORDER BY id"

var backStates = []string{string(Aborted), string(RolledBack)}

// mapHash is equal for maps that lead to the same moves.
func mapHash(m *shardmap.Map) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(m.Assignment)))
	return hex.EncodeToString(sum[:8])
}

// requireUndone returns an *EndedError if a person has taken back a move to this map
// and no mover has ended because of it. Another map is another wish; it settles all of
// that.
func (m *Mover) requireUndone(ctx context.Context, f *fleet) error {
	for _, s := range f.inOrder() {
		moves, err := readMoves(ctx, s, s.shard.ID, undone, backStates, mapHash(m.options.Map))
		if err != nil {
			return err
		}
		if len(moves) > 0 {
			m.log(moves[0]).Error("a person took this back while no mover was at work; start the mover again to make the move")
			return &EndedError{*moves[0]}
		}
	}
	return m.told(ctx, f)
}

// told records that a mover ends because of a move that was taken back, or that there
// is none.
func (m *Mover) told(ctx context.Context, f *fleet) error {
	for _, s := range f.inOrder() {
		if _, err := s.Exec(ctx, "UPDATE scalestack.move SET map = NULL WHERE map IS NOT NULL AND wanted = 'abort' AND state = ANY ($1)", backStates); err != nil {
			return err
		}
	}
	return nil
}
