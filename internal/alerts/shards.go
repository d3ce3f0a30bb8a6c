package alerts

import "fmt"

func shards(o Options) []Rule {
	return []Rule{
		{
			Name: "ShardDown", Severity: Critical, For: "1m",
			Expr:    "scalestack_shard_up == 0",
			Summary: "{{ $labels.shard }} does not answer",
			Description: "The users of {{ $labels.shard }} get 503 for everything that the cache does not have; those of other shards notice " +
				"nothing. Look at the shard's pod and its log.",
		},
		{
			Name: "ShardFailedOver", Severity: Warning, For: "0m",
			Expr: "max by (namespace, shard) (max_over_time(scalestack_shard_timeline[15m]))" +
				" > min by (namespace, shard) (min_over_time(scalestack_shard_timeline[15m]))",
			Summary: "Another server of {{ $labels.shard }} takes its writes, on timeline {{ $value }}",
			Description: "A standby was promoted within the last quarter of an hour, or the shard was restored. Users go on; find out why the old " +
				"primary went, and whether it follows again.",
		},
		{
			Name: "StandbyMissing", Severity: Warning, For: "10m",
			Expr:    "scalestack_shard_standbys < on (namespace, pod) group_left () scalestack_shard_standbys_wanted",
			Summary: "{{ $labels.shard }} has {{ $value }} standbys, fewer than postgres.members asks for",
			Description: "Users notice nothing yet. The next failure may stop the shard's writes: with quorum, as soon as no standby is left. Look at the pod " +
				"that does not follow, and at its node.",
		},
		{
			Name: "PatroniPaused", Severity: Warning, For: "15m",
			Expr:    "max by (namespace, shard) (scalestack_backup_patroni_paused) > 0",
			Summary: "Patroni of {{ $labels.shard }} is paused",
			Description: "Nobody takes over from its primary, and a server whose pod ends is not started again. End no pod and drain no node; `patronictl resume` in any " +
				"member ends the pause.",
		},
		{
			Name: "ShardsUnwatched", Severity: Warning, For: "5m",
			// The second part holds for as long as the shards exist, the last one for a Prometheus that never saw any.
			Expr: gone("scalestack_shard_up", o.GoneHours) +
				" or count by (namespace) (" + shardsExist + ") unless on (namespace) scalestack_shard_up" +
				fmt.Sprintf(" or absent_over_time(scalestack_shard_up[%dh])", o.GoneHours),
			Summary: "Nobody watches the shards of {{ or $labels.namespace \"any stack\" }}",
			Description: "There is no series of the service shardctl: it does not run, or is not scraped (metrics.scrapers). No other alert " +
				"about shards and moves can fire there.",
		},
		{
			Name: "ConnectionsNearBudget", Severity: Warning, For: "5m",
			Expr:    fmt.Sprintf("100 * scalestack_shard_connections / scalestack_shard_connections_max > %d", o.ConnectionsPercent),
			Summary: "{{ $labels.shard }} has {{ $value | printf \"%.0f\" }} % of its connections in use",
			Description: "More pods would make it worse: each brings a pool. Raise postgres.maxConnections, which needs memory and a restart, or " +
				"lower uses.shards.pool or replicas.max of the service that holds the most.",
		},
		{
			Name: "PoolExhausted", Severity: Critical, For: "2m",
			Expr:    "sum by (namespace, container, shard) (rate(scalestack_db_pool_given_up_total[5m])) > 0",
			Summary: "Requests of {{ $labels.container }} get no connection to {{ $labels.shard }}",
			Description: "Every connection of the pools is in use for longer than requests wait. Look for slow statements and locks on the shard " +
				"first; then raise uses.shards.pool, for which postgres.maxConnections must leave room.",
		},
		{
			Name: "DatabaseReadsFromDisk", Severity: Warning, For: "30m",
			Expr: `sum by (namespace, shard) (rate(scalestack_shard_blocks_total{from="buffers"}[15m])) / sum by (namespace, shard) (rate(scalestack_shard_blocks_total[15m])) < 0.9` +
				` and sum by (namespace, shard) (rate(scalestack_shard_blocks_total{from="disk"}[15m])) > 100`,
			Summary: "{{ $labels.shard }} finds {{ $value | humanizePercentage }} of its blocks in memory",
			Description: "What is read often no longer fits into postgres.resources.memory, or a query reads whole tables. Give the shards more " +
				"memory, or make more shards.",
		},
		{
			Name: "SlotHoldsLog", Severity: Warning, For: "10m",
			Expr:    "scalestack_shard_slot_held_bytes / on (namespace, pod, shard) group_left () scalestack_shard_slot_limit_bytes > 0.5",
			Summary: "Replication slot {{ $labels.slot }} holds back log on {{ $labels.shard }}: {{ $value | humanizePercentage }} of what it may",
			Description: "The log fills the disk until the slot is lost. Its reader is gone or too slow: a move that stands still, a replica or a " +
				"backup that was taken down.",
		},
		{
			Name: "SlotLost", Severity: Warning, For: "0m",
			Expr:    "scalestack_shard_slot_lost == 1",
			Summary: "Replication slot {{ $labels.slot }} of {{ $labels.shard }} has lost its place",
			Description: "The server has removed log that the slot's reader still needs. The reader has to begin anew: a move is aborted and " +
				"copied again, a replica rebuilt. Then drop the slot.",
		},
		{
			Name: "CertificateExpires", Severity: Warning, For: "60m",
			// Each pod knows what each server of the cache showed to it last.
			Expr: fmt.Sprintf("scalestack_shard_certificate_expiry_timestamp_seconds - time() < %[1]d * 86400 or "+
				`label_replace(min by (namespace) (max by (namespace, server) (scalestack_cache_certificate_expiry_timestamp_seconds)), "shard", "cache", "", "") - time() < %[1]d * 86400`,
				o.CertificateDays),
			Summary: "The certificate of {{ $labels.shard }} expires in {{ $value | humanizeDuration }}",
			Description: "After that no client connects to the shard, or the cache, any more. The certificate that the server shows was not renewed: " +
				"look at what issues it, and for \"tls: the Secret is refused\" in the server's log.",
		},
	}
}
