// Package load is a user population for proofs: it reads and writes users of the
// service as clients do, keeps a history of what it was told (package history of the
// module sharding), and compares it with what lies in the databases.
//
//	population := history.NewPopulation(50_000)
//	told := history.New(population, nil)
//	clients := load.Start(ctx, load.Options{Target: target, History: told, Clients: 8, Rate: 300})
//	… move, kill, upgrade …
//	report := clients.Stop()
//	told.Compare(owners, history.Merge(rows...))
//	err := told.Err()
//
// What the comparison promises: every acknowledged write is in the databases
// exactly once, on the shard that owns the user's bucket, with the version and
// the payload that the history explains; and no client ever read an older
// version than one that somebody had seen or was acknowledged before the read
// began, whichever client that was.
//
// Nothing here knows of Kubernetes or of the service's own code: the service is
// an address, a shard a database connection.
package load
