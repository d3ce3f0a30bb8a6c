package postgres

const (
	kiB int64 = 1 << 10
	miB       = kiB << 10
	giB       = miB << 10

	minMemory      = 256 * miB
	maxConnections = 10000

	// ReservedConnections of each shard are not for application pools: three
	// that only superusers get, two for the mover of re-sharding and metrics when
	// all others are taken, and five for them, for migrations and for people.
	ReservedConnections = superuserReserved + moverReserved + 5
	superuserReserved   = 3
	moverReserved       = 2

	autovacuumWorkers = 3
	// decodingStreams is how many logical replication streams the memory sum
	// counts with: data moves out of one shard in a few streams at once.
	decodingStreams = 4
	// connectionMemory is what a backend holds before it sorts: 1.0 MiB of its
	// own memory after some hundred statements on 16.2, its page tables and the
	// cached plans of prepared statements.
	connectionMemory = 3 * miB / 2
	// serverMemory is for the postmaster, its background processes and the
	// shared tables beside the buffers.
	serverMemory = 32 * miB
	// minWorkMem keeps small sorts in memory. One connection in sortingShare
	// is counted as sorting at any moment: a pool keeps most of them idle.
	minWorkMem   = miB
	sortingShare = 4

	// greedy is how many processes may have all they can get at once: a session with the two
	// workers that PostgreSQL gives a query unless it is told another number.
	greedy = 3
	// processMemory is a process's before it sorts or builds an index: 2.7 MiB measured on 16.2, the
	// plans and the catalog that a session knows by and by, and the row that it is about.
	processMemory = 8 * miB
	// leastProcessMemory is for logical decoding, which keeps rows in blocks of 8 MiB each until all of a
	// block's are sent: 36 MiB measured with four writers and DecodingWorkMem at its least.
	leastProcessMemory = 64 * miB
	// sorts of a query have their work_mem at once before its process has too little.
	sorts = 4
)

// Tuning is what the server is told about its memory and disk, in bytes.
type Tuning struct {
	MaxConnections     int
	SharedBuffers      int64
	SharedMemoryVolume int64
	EffectiveCacheSize int64
	WorkMem            int64
	MaintenanceWorkMem int64
	AutovacuumWorkMem  int64
	DecodingWorkMem    int64
	WALBuffers         int64
	MinWALSize         int64
	MaxWALSize         int64
	MaxSlotWALKeepSize int64
	TempFileLimit      int64
	// ProcessMemory is what one process of the server may have that it shares with no other. Any role may
	// set work_mem and its like to any value; what it would take beyond is refused it.
	ProcessMemory int64
}

// patroniMemory is for Patroni beside the server: 42 MiB measured.
const patroniMemory = 64 * miB

// serverMemoryOf is the part of the memory limit that is the server's, or false if the
// limit is no quantity.
func serverMemoryOf(a *Args) (int64, bool) {
	memory, ok := a.Resources.Bytes()
	if a.Members > 1 {
		memory -= patroniMemory
	}
	if a.Backup != nil {
		memory -= archiveMemory
	}
	return memory, ok
}

// Tune derives the settings from a shard's memory limit, its disk and its connections,
// with the shares that PostgreSQL's documentation recommends: a quarter of the memory
// for shared buffers, the rest for connections, maintenance and the page cache, which
// also counts against the limit.
func Tune(memory, disk int64, connections int) Tuning {
	t := fixed(memory)
	t.MaxConnections = connections
	idle := t.idle(memory)
	t.ProcessMemory = roundTo(max(idle/greedy, min(idle, leastProcessMemory)), miB)
	workMem := min((leftFor(memory)/int64(connections)-connectionMemory)*sortingShare, (t.ProcessMemory-processMemory)/sorts)
	t.WorkMem = roundTo(clamp(workMem, minWorkMem, 64*miB), 64*kiB)
	t.MaxWALSize = roundTo(clamp(disk/10, 128*miB, 16*giB), 16*miB)
	t.MinWALSize = roundTo(clamp(t.MaxWALSize/4, 80*miB, giB), 16*miB)
	t.MaxSlotWALKeepSize = roundTo(disk/4, 16*miB)
	t.TempFileLimit = roundTo(disk/10, miB)
	return t
}

// MaxConnectionsFor is how many connections a memory limit can serve when each
// gets the least work_mem.
func MaxConnectionsFor(memory int64) int {
	most := leftFor(memory) / (connectionMemory + minWorkMem/sortingShare)
	return int(clamp(most, 0, maxConnections))
}

// Sum is the memory that the server uses when everything is in use at once. It
// is never above the limit that Tune was given.
func (t Tuning) Sum() int64 {
	perConnection := connectionMemory + t.WorkMem/sortingShare
	return t.withoutConnections() + int64(t.MaxConnections)*perConnection
}

func (t Tuning) withoutConnections() int64 {
	return serverMemory + t.SharedBuffers + t.SharedMemoryVolume + t.WALBuffers + t.MaintenanceWorkMem +
		autovacuumWorkers*t.AutovacuumWorkMem + decodingStreams*t.DecodingWorkMem
}

// idle is what is left of the memory while all connections are there and none does anything.
func (t Tuning) idle(memory int64) int64 {
	return memory - serverMemory - t.SharedBuffers - t.SharedMemoryVolume - t.WALBuffers - int64(t.MaxConnections)*connectionMemory
}

// fixed are the settings that depend on the memory alone.
func fixed(memory int64) Tuning {
	buffers := roundTo(memory/4, miB)
	return Tuning{
		SharedBuffers:      buffers,
		SharedMemoryVolume: roundTo(clamp(memory/16, 16*miB, giB), miB),
		EffectiveCacheSize: roundTo(memory/2, miB),
		MaintenanceWorkMem: roundTo(clamp(memory/32, 16*miB, 2*giB), miB),
		AutovacuumWorkMem:  roundTo(clamp(memory/64, 8*miB, giB), miB),
		DecodingWorkMem:    roundTo(clamp(memory/128, 2*miB, 64*miB), miB),
		WALBuffers:         roundTo(clamp(buffers/32, miB, 16*miB), miB),
	}
}

func leftFor(memory int64) int64 { return memory - fixed(memory).withoutConnections() }

func clamp(value, lo, hi int64) int64 { return min(max(value, lo), hi) }

func roundTo(value, unit int64) int64 { return value / unit * unit }
