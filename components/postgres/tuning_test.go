package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTune(t *testing.T) {
	require.Equal(t, Tuning{
		MaxConnections:     100,
		SharedBuffers:      128 * miB,
		SharedMemoryVolume: 32 * miB,
		EffectiveCacheSize: 256 * miB,
		WorkMem:            4480 * kiB,
		MaintenanceWorkMem: 16 * miB,
		AutovacuumWorkMem:  8 * miB,
		DecodingWorkMem:    4 * miB,
		WALBuffers:         4 * miB,
		MinWALSize:         256 * miB,
		MaxWALSize:         1024 * miB,
		MaxSlotWALKeepSize: 2560 * miB,
		TempFileLimit:      1024 * miB,
		ProcessMemory:      64 * miB,
	}, Tune(512*miB, 10*giB, 100))
}

// minConnections is the least that Args.MaxConnections takes.
const minConnections = 20

// The kernel kills what exceeds the limit, so no accepted combination may.
func TestTuneNeverExceedsTheLimit(t *testing.T) {
	for memory := minMemory; memory <= 512*giB; memory += memory/3 + 7*kiB {
		most := MaxConnectionsFor(memory)
		require.GreaterOrEqual(t, most, minConnections, "%d bytes", memory)
		for _, connections := range []int{minConnections, (minConnections + most) / 2, most} {
			tuning := Tune(memory, 100*giB, connections)
			require.LessOrEqual(t, tuning.Sum(), memory, "%d bytes, %d connections", memory, connections)
			require.GreaterOrEqual(t, tuning.WorkMem, minWorkMem)
		}
	}
}

// One process may have all it can get while all connections are there, and from 1Gi on a session with its two parallel workers,
// unless nearly all is for connections. None has too little for what the server is told to do.
func TestWhatAProcessMayHave(t *testing.T) {
	for memory := minMemory; memory <= 512*giB; memory += memory/3 + 7*kiB {
		most := MaxConnectionsFor(memory)
		for _, connections := range []int{minConnections, most / 2, most} {
			tuning := Tune(memory, 100*giB, max(connections, minConnections))
			about := []any{"%d bytes, %d connections", memory, connections}
			require.LessOrEqual(t, tuning.ProcessMemory, tuning.idle(memory), about...)
			if memory >= giB && connections < most {
				require.LessOrEqual(t, 3*tuning.ProcessMemory, tuning.idle(memory), about...)
			}
			require.GreaterOrEqual(t, tuning.ProcessMemory, 58*miB, about...)
			own := tuning.ProcessMemory - processMemory
			for _, needed := range []int64{4 * tuning.WorkMem, tuning.MaintenanceWorkMem * 3 / 2, 2 * tuning.AutovacuumWorkMem, 4 * tuning.DecodingWorkMem} {
				require.GreaterOrEqual(t, own, needed, about...)
			}
		}
	}
}

func TestTuneLeavesDiskForData(t *testing.T) {
	for _, disk := range []int64{giB, 10 * giB, 100 * giB, 10000 * giB} {
		tuning := Tune(giB, disk, 100)
		require.LessOrEqual(t, tuning.MaxWALSize+tuning.MaxSlotWALKeepSize, disk/2, "%d bytes", disk)
		require.LessOrEqual(t, tuning.MinWALSize, tuning.MaxWALSize)
	}
}

func TestTuneGrowsWithMemory(t *testing.T) {
	small, big := Tune(giB, 10*giB, 100), Tune(16*giB, 10*giB, 100)
	require.Greater(t, big.SharedBuffers, small.SharedBuffers)
	require.Greater(t, big.WorkMem, small.WorkMem)
	require.Greater(t, MaxConnectionsFor(16*giB), MaxConnectionsFor(giB))
}

func TestMaxConnectionsForTooLittleMemory(t *testing.T) {
	require.Zero(t, MaxConnectionsFor(32*miB))
	require.Equal(t, maxConnections, MaxConnectionsFor(1000*giB))
}
