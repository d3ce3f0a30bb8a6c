package dashboards

// servers is what the exporters of PostgreSQL and Redis tell (postgres.exporter,
// redis.exporter).
func servers() Board {
	return Board{Name: "servers", Title: "Scalestack: PostgreSQL and Redis", Panels: []Panel{
		{Title: "Servers that answer their exporter", Unit: count, Meaning: "1 for a server that answered.", Queries: []Query{
			{`min by (shard) (pg_up{namespace="$namespace"})`, "{{shard}}"}, {`min by (container) (redis_up{namespace="$namespace"})`, "{{container}}"}}},
		{Title: "Sessions by state", Unit: count, Meaning: "Of all shards. Many that idle in a transaction hold others up.", Queries: []Query{{
			`sum by (state) (pg_stat_activity_count{namespace="$namespace"})`, "{{state}}"}}},
		{Title: "Oldest transaction", Unit: seconds, Meaning: "As long as it is open no row that died since can be removed.", Queries: []Query{{
			`max by (shard) (pg_long_running_transactions_oldest_timestamp_seconds{namespace="$namespace"})`, "{{shard}}"}}},
		{Title: "Locks", Unit: count, Meaning: "Held and waited for, by mode.", Queries: []Query{{
			`sum by (mode) (pg_locks_count{namespace="$namespace"})`, "{{mode}}"}}},
		{Title: "Dead rows", Unit: count, Meaning: "Of the tables that have most.", Queries: []Query{{
			`topk(5, sum by (shard, relname) (pg_stat_user_tables_n_dead_tup{namespace="$namespace"}))`, "{{shard}} {{relname}}"}}},
		{Title: "Transaction ids used", Unit: ratio, Meaning: "Of two billion: at 1 the shard takes no more writes.", Queries: []Query{{
			`max by (shard) (pg_database_wraparound_age_datfrozenxid_seconds{namespace="$namespace"}) / 2147483648`, "{{shard}}"}}},
		{Title: "Log on the volume", Unit: bytes, Meaning: "It grows while a slot or the archive holds it.", Queries: []Query{{
			`max by (shard) (pg_wal_size_bytes{namespace="$namespace"})`, "{{shard}}"}}},
		{Title: "Memory of Redis", Unit: bytes, Meaning: "Of the server that uses most. At its maximum it evicts.", Queries: []Query{
			{`max(redis_memory_used_bytes{namespace="$namespace"})`, "used"}, {`max(redis_memory_max_bytes{namespace="$namespace"})`, "maximum"}}},
		{Title: "Keys that Redis lost", Unit: count, Meaning: "Evicted for want of memory, and expired, each second.", Queries: []Query{
			{`sum(rate(redis_evicted_keys_total{namespace="$namespace"}[$__rate_interval]))`, "evicted"},
			{`sum(rate(redis_expired_keys_total{namespace="$namespace"}[$__rate_interval]))`, "expired"}}},
		{Title: "Clients of Redis", Unit: count, Meaning: "Connections of the server that has most. Beyond redis.maxClients they are refused.", Queries: []Query{{
			`max(redis_connected_clients{namespace="$namespace"})`, "connected"}}},
		{Title: "Commands of Redis", Unit: count, Meaning: "Each second. A server that has many more than the others has a hot key.", Queries: []Query{{
			`sum by (container) (rate(redis_commands_processed_total{namespace="$namespace"}[$__rate_interval]))`, "{{container}}"}}},
	}}
}
