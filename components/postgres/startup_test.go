package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A standby must not become a primary because its shard shall have one member again.
func TestASingleServerRefusesAMembersVolume(t *testing.T) {
	for _, file := range []string{"patroni.dynamic.json", "standby.signal"} {
		s := newShard(t)
		s.requireBootstrap()
		s.write("volume/pgdata/"+file, "")
		output, err := s.bootstrap()
		require.Error(t, err)
		require.Contains(t, output, "this volume belongs to a shard with several members")
	}
}
