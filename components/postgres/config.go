package postgres

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/components/k8s"
)

// bootstrapScript restarts every shard when it changes. What need not belongs in
// startupScript.
//
//go:embed bootstrap.sh
var bootstrapScript string

// ownerFile has what bootstrap.sh and roles.sh give a shard's database to its roles with.
const ownerFile = "owner.sql"

//go:embed startup.sh
var startupScript string

// lockScript restarts every shard when it changes: the servers run under it.
//
//go:embed lock.sh
var lockScript string

// serverScript restarts every shard with one member when it changes: the servers run by it.
//
//go:embed server.sh
var serverScript string

// hba lets every role in over TCP with its password only, and the operating system's user postgres, as whom only the shard's own
// containers run, as the superuser inside the pod. The last line is for physical replication, which "all" does not cover.
const hba = `# type  database     user      address  method
local   all          postgres           peer
local   all          all                scram-sha-256
host    all          all       all      scram-sha-256
host    replication  postgres  all      scram-sha-256
`

// setting is one line of postgresql.conf.
type setting struct{ name, value string }

func (s setting) line() string {
	return fmt.Sprintf("%s = '%s'\n", s.name, strings.ReplaceAll(s.value, "'", "''"))
}

// serverSettings are what the component decides about a server, whatever its
// size.
func serverSettings() []setting {
	return []setting{
		{"listen_addresses", "*"},
		{"port", fmt.Sprint(Port)},
		{"unix_socket_directories", socketPath},
		{"hba_file", configPath + "/pg_hba.conf"},
		{"password_encryption", "scram-sha-256"},
		{"superuser_reserved_connections", fmt.Sprint(superuserReserved)},
		{"dynamic_shared_memory_type", "posix"},
		// "try" dies on nodes with huge pages that the pod may not use.
		{"huge_pages", "off"},

		// Moving data between shards needs logical decoding, and a generous
		// number of streams costs next to nothing.
		{"wal_level", "logical"},
		{"max_wal_senders", "32"},
		{"max_replication_slots", "32"},
		{"max_worker_processes", "32"},
		{"max_logical_replication_workers", "16"},
		{"max_sync_workers_per_subscription", "4"},
		{"autovacuum_max_workers", fmt.Sprint(autovacuumWorkers)},

		// A commit is on disk before it is acknowledged.
		{"fsync", "on"},
		{"synchronous_commit", "on"},
		{"full_page_writes", "on"},
	}
}

// suggestedSettings are defaults that Args.Settings may change.
func suggestedSettings() []setting {
	return []setting{
		{"wal_compression", "on"},
		{"checkpoint_timeout", "15min"},
		{"random_page_cost", "1.1"},
		{"reserved_connections", fmt.Sprint(moverReserved)},
		{"jit", "off"},
		{"autovacuum_naptime", "20s"},
		{"autovacuum_vacuum_scale_factor", "0.05"},
		{"autovacuum_vacuum_insert_scale_factor", "0.1"},
		{"autovacuum_analyze_scale_factor", "0.05"},
		{"autovacuum_vacuum_cost_limit", "1000"},

		// A client that vanished must not hold locks, rows or a slot for hours.
		{"tcp_keepalives_idle", "60"},
		{"tcp_keepalives_interval", "10"},
		{"tcp_keepalives_count", "6"},
		{"client_connection_check_interval", "10s"},
		{"idle_in_transaction_session_timeout", "10min"},

		// Slow statements are logged, what users put into them is not.
		{"log_destination", "stderr"},
		{"log_line_prefix", "%m [%p] %q%u@%d "},
		{"log_checkpoints", "on"},
		{"log_lock_waits", "on"},
		{"log_autovacuum_min_duration", "1s"},
		{"log_min_duration_statement", "1s"},
		{"log_parameter_max_length", "0"},
		{"lc_messages", "C"},
		{"timezone", "UTC"},
		{"log_timezone", "UTC"},
	}
}

// memberSettings are suggestions for a server that others follow. A silent standby
// still counts among those of which a commit needs one, so nobody may take over, and a
// primary that stops waits for it. CloudNativePG uses 5 s.
func memberSettings(a *Args) []setting {
	if a.Members == 1 {
		return nil
	}
	return []setting{{"wal_sender_timeout", "10s"}}
}

var maxConnectionsLine = regexp.MustCompile(`(?m)^max_connections = '(\d+)'$`)

// MaxConnectionsOf reads Args.MaxConnections from the data of a shard's ConfigMap, 0 where
// they are not in it.
func MaxConnectionsOf(data map[string]string) int {
	found := maxConnectionsLine.FindStringSubmatch(data["postgresql.conf"])
	if found == nil {
		return 0
	}
	number, _ := strconv.Atoi(found[1])
	return number
}

func (t Tuning) settings() []setting { return append(t.memorySettings(), t.volumeSettings()...) }

func (t Tuning) memorySettings() []setting {
	return []setting{
		{"max_connections", fmt.Sprint(t.MaxConnections)},
		{"shared_buffers", kilobytes(t.SharedBuffers)},
		{"effective_cache_size", kilobytes(t.EffectiveCacheSize)},
		{"work_mem", kilobytes(t.WorkMem)},
		// The memory sum counts one work_mem for each sorting connection.
		{"hash_mem_multiplier", "1"},
		{"maintenance_work_mem", kilobytes(t.MaintenanceWorkMem)},
		{"autovacuum_work_mem", kilobytes(t.AutovacuumWorkMem)},
		{"logical_decoding_work_mem", kilobytes(t.DecodingWorkMem)},
		{"wal_buffers", kilobytes(t.WALBuffers)},
	}
}

// volumeSettings are those that must not exceed what the volume can hold.
func (t Tuning) volumeSettings() []setting {
	return []setting{
		{"min_wal_size", megabytes(t.MinWALSize)},
		{"max_wal_size", megabytes(t.MaxWALSize)},
		// A stalled slot loses its place before it fills the disk.
		{"max_slot_wal_keep_size", megabytes(t.MaxSlotWALKeepSize)},
		{"temp_file_limit", kilobytes(t.TempFileLimit)},
	}
}

// decided reports whether only the component may set name. data_directory, config_file
// and the like come from the command line, and includes would bring in settings that
// nobody has checked.
func decided(name string) bool {
	switch name {
	case "data_directory", "config_file", "ident_file", "external_pid_file", "include", "include_dir", "include_if_exists":
		return true
	}
	if strings.HasPrefix(name, "scalestack.") {
		return true
	}
	for _, one := range append(serverSettings(), Tuning{}.settings()...) {
		if one.name == name {
			return true
		}
	}
	return false
}

// serverConfig renders postgresql.conf. Of two lines for one setting the server
// takes the last, so the user's come after the suggestions.
func serverConfig(a *Args) string {
	var text strings.Builder
	text.WriteString("# Generated by Scalestack from the component's arguments.\n")
	write := func(settings []setting) {
		for _, one := range settings {
			text.WriteString(one.line())
		}
	}
	write(serverSettings())
	write(tlsSettings(a))
	write(tuning(a).settings())
	write(a.archiveSettings())
	write(suggestedSettings())
	write(memberSettings(a))
	for _, name := range slices.Sorted(maps.Keys(a.Settings)) {
		write([]setting{{name, a.Settings[name]}})
	}
	return text.String()
}

// tuning expects validated arguments.
func tuning(a *Args) Tuning {
	memory, _ := serverMemoryOf(a)
	disk, _ := k8s.Bytes(a.Storage.Size)
	return Tune(memory, disk, a.MaxConnections)
}

func kilobytes(bytes int64) string { return fmt.Sprintf("%dkB", bytes/kiB) }

func megabytes(bytes int64) string { return fmt.Sprintf("%dMB", bytes/miB) }
