package alerts

// moving asks whether a mover has come further by one of its counts.
func moving(count string) string {
	return "sum by (namespace) (changes(scalestack_reshard_" + count + "[15m])) > 0"
}

func moves() []Rule {
	return []Rule{
		{
			Name: "MoveStuck", Severity: Warning, For: "15m",
			Expr: "sum by (namespace) (scalestack_shard_buckets_misplaced) > 0" +
				" and sum by (namespace) (changes(scalestack_shard_buckets_misplaced[1h])) == 0" +
				" unless on (namespace) (" + moving("copied_rows") + " or " + moving("compared_users_total") + " or " + moving("swept_pages_total") + ")",
			Summary: "{{ $value }} buckets are not where the map wants them, and none has moved for an hour",
			Description: "Nobody is hurt: every bucket is served where it is. `shardctl status` in the pod of the service shardctl says which move " +
				"waits for what.",
		},
		{
			Name: "FenceHeld", Severity: Critical, For: "1m",
			Expr:    `sum by (namespace, shard) (scalestack_shard_buckets{state="fenced"}) > 0`,
			Summary: "{{ $value }} buckets of {{ $labels.shard }} take no writes",
			Description: "A fence lasts milliseconds, and its lease seconds: the first writer lifts one whose lease has ended. One that stays has no " +
				"writers, or a mover that renews it in vain.",
		},
		{
			Name: "BucketOwnedTwice", Severity: Critical, For: "0m",
			Expr:    "scalestack_shard_buckets_owned_twice == 1",
			Summary: "Two shards own the same bucket",
			Description: "One of them was restored from before a move. Writes to both would be lost when one wins: stop the writers of the bucket " +
				"and find the newer copy.",
		},
		{
			Name: "CutoversGivenUp", Severity: Warning, For: "0m",
			Expr:    "increase(scalestack_reshard_cutovers_given_up_total[1h]) > 10",
			Summary: "The mover has lifted {{ $value | printf \"%.0f\" }} fences in an hour to try again",
			Description: "Long transactions on the source keep the target from catching up within the fence's lease. Find them in " +
				"pg_stat_activity.",
		},
	}
}
