package dashboards

func shards() Board {
	return Board{Name: "shards", Title: "Scalestack: the shards", Panels: []Panel{
		shardsUp(), connections(),
		{Title: "Transactions", Unit: count, Meaning: "Committed and rolled back each second.", Queries: []Query{{
			`sum by (shard, outcome) (rate(scalestack_shard_transactions_total{namespace="$namespace"}[$__rate_interval]))`, "{{shard}} {{outcome}}"}}},
		{Title: "Blocks from memory", Unit: ratio, Meaning: "The share of blocks that were in the shard's buffers.", Queries: []Query{{
			`sum by (shard) (rate(scalestack_shard_blocks_total{namespace="$namespace",from="buffers"}[$__rate_interval]))` +
				` / sum by (shard) (rate(scalestack_shard_blocks_total{namespace="$namespace"}[$__rate_interval]))`, "{{shard}}"}}},
		{Title: "Databases on disk", Unit: bytes, Meaning: "Without the log.", Queries: []Query{{
			`sum by (shard) (scalestack_shard_database_bytes{namespace="$namespace"})`, "{{shard}}"}}},
		{Title: "Log that slots may hold back", Unit: bytes, Meaning: "A slot that reaches this is lost.", Queries: []Query{{
			`sum by (shard) (scalestack_shard_slot_limit_bytes{namespace="$namespace"})`, "{{shard}}"}}},
		{Title: "Rows", Unit: count, Meaning: "As the planner estimates them.", Queries: []Query{{
			`sum by (shard) (scalestack_shard_rows{namespace="$namespace"})`, "{{shard}}"}}},
		{Title: "Busiest buckets", Unit: count, Meaning: "Operations each second. shardctl hot names the pins that relieve their shards.", Queries: []Query{{
			`topk(10, sum by (bucket) (rate(scalestack_bucket_operations_total{namespace="$namespace"}[$__rate_interval])))`, "bucket {{bucket}}"}}},
		{Title: "Deadlocks", Unit: count, Meaning: "That the server broke, each second.", Queries: []Query{{
			`sum by (shard) (rate(scalestack_shard_deadlocks_total{namespace="$namespace"}[$__rate_interval]))`, "{{shard}}"}}},
		{Title: "Temporary files", Unit: bytes, Meaning: "Written each second because work_mem does not suffice.", Queries: []Query{{
			`sum by (shard) (rate(scalestack_shard_temporary_bytes_total{namespace="$namespace"}[$__rate_interval]))`, "{{shard}}"}}},
	}}
}

func shardsUp() Panel {
	return Panel{Title: "Shards that answer", Unit: count, Meaning: "1 for a shard that answered.", Queries: []Query{{
		`min by (shard) (scalestack_shard_up{namespace="$namespace"})`, "{{shard}}"}}}
}

func connections() Panel {
	return Panel{Title: "Sessions of the shards", Unit: ratio, Meaning: "Of those that the server gives: at 1 nobody gets another one.", Queries: []Query{{
		`max by (shard) (scalestack_shard_connections{namespace="$namespace"} / scalestack_shard_connections_max{namespace="$namespace"})`, "{{shard}}"}}}
}

// moves has what is there without a mover too; what a mover tells of itself ends with
// it.
func moves() Board {
	return Board{Name: "moves", Title: "Scalestack: re-sharding", Panels: []Panel{
		{Title: "Buckets that are not where the map wants them", Unit: count, Meaning: "It falls to 0 while a move goes on.", Queries: []Query{{
			`max(scalestack_shard_buckets_misplaced{namespace="$namespace"})`, "misplaced"}}},
		{Title: "Owned buckets", Unit: count, Meaning: "Of each shard.", Queries: []Query{{
			`sum by (shard) (scalestack_shard_buckets{namespace="$namespace",state="owned"})`, "{{shard}}"}}},
		{Title: "Owned twice", Unit: count, Meaning: "Must be 0.", Queries: []Query{{
			`max(scalestack_shard_buckets_owned_twice{namespace="$namespace"})`, "two owners"}}},
		{Title: "Generation of the map in use", Unit: count, Meaning: "Of each program: they must meet before buckets move.", Queries: []Query{
			{`min by (container) (scalestack_shard_map_generation{namespace="$namespace"})`, "{{container}} oldest"},
			{`max by (container) (scalestack_shard_map_generation{namespace="$namespace"})`, "{{container}} newest"}}},
	}}
}
