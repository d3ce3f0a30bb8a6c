package alerts

const logWaits = "scalestack_backup_waiting_seconds"

// servers are alerts on what the exporters of PostgreSQL and Redis tell
// (postgres.exporter, redis.exporter). Without them they never fire.
func servers() []Rule {
	return []Rule{
		{
			Name: "ExporterFails", Severity: Warning, For: "5m",
			Expr:    "pg_up == 0 unless on (namespace, shard) scalestack_shard_up == 0",
			Summary: "The exporter gets no answer from {{ $labels.shard }}, which others reach",
			Description: "No alert on replication, archive, transactions or dead rows of this shard can fire. The exporter's role is missing, after " +
				"a restore for example, or the shard has no connection left.",
		},
		{
			Name: "ReplicationLags", Severity: Warning, For: "10m",
			Expr:    "max by (namespace, shard, application_name) (pg_stat_replication_pg_wal_lsn_diff) > 268435456",
			Summary: "{{ $labels.application_name }} is {{ $value | humanize1024 }}B of log behind {{ $labels.shard }}",
			Description: "A replica that far behind loses as much when it has to take over; a move does not come to its end. The reader is too slow, " +
				"or the shard writes more than it can take.",
		},
		{
			Name: "ArchiveStandsStill", Severity: Critical, For: "5m",
			// The server's counters are the exporter's, and leave out a program that is killed. What waits is told by the container backup.
			Expr: "sum by (namespace, shard) (increase(pg_stat_archiver_failed_count[15m])) > 0" +
				" unless sum by (namespace, shard) (increase(pg_stat_archiver_archived_count[15m])) > 0" +
				" or max by (namespace, shard) (" + logWaits + ") > 900 and max by (namespace, shard) (delta(" + logWaits + "[10m])) > 0",
			Summary: "{{ $labels.shard }} cannot archive its log",
			Description: "What was committed since cannot be restored from the archive, and the log stays on the volume until it is full. The server's log " +
				"has the command's error.",
		},
		{
			Name: "BaseBackupOverdue", Severity: Warning, For: "30m",
			Expr: "time() - max by (namespace, shard) (scalestack_backup_due_timestamp_seconds)" +
				" > max by (namespace, shard) (scalestack_backup_interval_seconds)",
			Summary: "{{ $labels.shard }} has had no base backup for two intervals",
			Description: "A restore has to replay all of the log since the last one, and nothing is removed from the archive. The log of the container backup " +
				"says why.",
		},
		{
			Name: "RetentionFails", Severity: Warning, For: "30m",
			Expr:    "max by (namespace, shard) (scalestack_backup_retention_fails) > 0",
			Summary: "Nothing is removed from the archive of {{ $labels.shard }}",
			Description: "Base backups and log that no restore within the retention needs stay in the bucket, and more every day. The log of the container " +
				"backup says why.",
		},
		{
			Name: "ArchiveHasGap", Severity: Warning, For: "5m",
			// For an hour after it was seen last: the base backup that ends a gap may be quicker than any scrape.
			Expr:    "time() - max by (namespace, shard) (scalestack_backup_gap_timestamp_seconds) < 3600",
			Summary: "Log of {{ $labels.shard }} is missing in its archive",
			Description: "Nothing that was committed in the gap can be restored, and what came later only with a base backup from after it, which is made " +
				"at once. The log of the container backup names the files.",
		},
		{
			Name: "BackupNotVerified", Severity: Warning, For: "60m",
			Expr: "time() - max by (namespace, shard) (scalestack_backup_verified_timestamp_seconds)" +
				" > 2 * max by (namespace, shard) (scalestack_backup_verify_interval_seconds)",
			Summary: "The backups of {{ $labels.shard }} have not been restored for two turns",
			Description: "Nobody knows whether they can be: the CronJob postgres-verify does not run, or fails. The log of its last pod says why. If it says " +
				"that a backup cannot be read, make another one at once.",
		},
		{
			Name: "TransactionStaysOpen", Severity: Warning, For: "5m",
			Expr:    "max by (namespace, shard) (pg_long_running_transactions_oldest_timestamp_seconds) > 1800",
			Summary: "A transaction on {{ $labels.shard }} has been open for {{ $value | humanizeDuration }}",
			Description: "As long as it is, no dead row can be removed, and it may hold locks, a cutover and a fence up. End it, unless it is a copy " +
				"that makes progress.",
		},
		{
			Name: "TransactionIdsRunOut", Severity: Critical, For: "30m",
			Expr:    "max by (namespace, shard) (pg_database_wraparound_age_datfrozenxid_seconds) > 1e9",
			Summary: "{{ $labels.shard }} has used half of its transaction ids",
			Description: "At two billion the shard takes no more writes. Autovacuum should have begun at 200 million: something keeps it from finishing, an " +
				"old transaction, a replication slot or a prepared transaction.",
		},
		{
			Name: "DeadRowsPileUp", Severity: Warning, For: "60m",
			Expr: "max by (namespace, shard, relname) (pg_stat_user_tables_n_dead_tup) > 100000" +
				" and max by (namespace, shard, relname) (pg_stat_user_tables_n_dead_tup)" +
				" > 0.3 * max by (namespace, shard, relname) (pg_stat_user_tables_n_live_tup)",
			Summary: "{{ $labels.relname }} on {{ $labels.shard }} has {{ $value | humanize }} dead rows",
			Description: "Statements read them too, and the table grows. Autovacuum does not come, does not finish, or may not remove them because of an old " +
				"transaction or a slot.",
		},
		{
			Name: "CacheDown", Severity: Critical, For: "2m",
			Expr:        "redis_up == 0",
			Summary:     "Redis does not answer {{ $labels.container }}",
			Description: "All reads of its keys go to the shards, which may not be able to take them. Look at Redis' pod.",
		},
		{
			Name: "CacheRefusesClients", Severity: Warning, For: "0m",
			Expr:        "increase(redis_rejected_connections_total[15m]) > 0",
			Summary:     "Redis has refused {{ $value | printf \"%.0f\" }} connections, says {{ $labels.container }}",
			Description: "More clients than redis.maxClients. Their pods skip the cache and read from the shards.",
		},
	}
}
