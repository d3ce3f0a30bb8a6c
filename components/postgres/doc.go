// Package postgres runs independent PostgreSQL servers on Kubernetes, one per shard or,
// with Args.Members, several. Nothing ties the shards together: the shard map decides which
// shard holds which row.
//
// For shard 0, a component named "postgres" creates, all in one namespace:
//
//   - a StatefulSet "postgres-shard-0" of one pod, "postgres-shard-0-0"
//   - a PersistentVolumeClaim "data-postgres-shard-0-0"
//   - Services "postgres-shard-0" for clients and "postgres-shard-0-headless",
//     which gives the pod its own name before it is ready
//   - a ConfigMap "postgres-shard-0-config": postgresql.conf, pg_hba.conf, the
//     scripts that run before and at each start, and the name of the rollout
//   - with Args.Rollout Serial a Job "postgres-shard-0-" and a hash, its gate
//   - Secrets "postgres-shard-0-admin" and "postgres-shard-0-app" with the keys
//     username and password, generated, the first also with those of OwnerLogin and MoverLogin
//
// and for all of them a PodDisruptionBudget and a NetworkPolicy "postgres", and a
// ConfigMap and a NetworkPolicy "postgres-rollout" with the Job "postgres-rollout-"
// and a hash.
// With Args.Exporter there are also, however many shards: a Deployment, a headless
// Service with a port for each shard, a Secret, a ServiceAccount and a NetworkPolicy
// "postgres-exporter", and a NetworkPolicy "postgres-monitor" with the Job
// "postgres-monitor-" and a hash, which makes the exporter's role on every shard.
//
// The database is called shard_0_db. Role postgres is the superuser, for the shard's own pod.
// Migrations and moves log in as OwnerLogin and MoverLogin. During a
// rollout, role app asks servers what they run. Services have logins of their own, see
// [NewRoles].
//
// # Several members
//
// With Args.Members above 1 each shard is that many servers under Patroni, which
// elects a primary and keeps the lock in Kubernetes. Each member has a StatefulSet of
// its own, the first the one above, further ones "postgres-shard-0-m1" and so on, with
// claims "data-postgres-shard-0-m1-0". The Service "postgres-shard-0" leads to the
// primary and loses its selector, "postgres-shard-0-replicas" to the standbys. There
// are a ServiceAccount, a Role, a RoleBinding and a PodDisruptionBudget
// "postgres-shard-0" in place of the budget of all shards, a Secret
// "postgres-shard-0-patroni", and Services "postgres-shard-0-config", "-sync" and
// "-failover", which keep Patroni's state until the last of the shard's claims is deleted.
//
// The init container runs prepare.sh and prepare.py instead of bootstrap.sh, and a
// container roles keeps the roles at the primary, scalestack_replicator among them, as
// which the members follow each other, and gives up the lock of a primary whose container
// has ended. A member other than the first waits until the first has founded the shard, so
// two never do. Members change one after the
// other, each behind a gate, also with Args.Rollout Parallel. A shard with one member
// gets more on its volume, with its data; a smaller number is refused in the preview.
//
// # Before each start
//
// The init container runs bootstrap.sh. It creates the data folder if there is none, and
// brings the roles, their passwords and the database to the desired state, so a retained
// volume works with newly generated passwords. A server that was killed replays its log
// there, where no probe can interrupt it.
//
// # Rollouts
//
// Some versions of Pulumi's provider report the update of a StatefulSet as done before
// Kubernetes has begun it. So Jobs wait instead, and judge by what the servers answer: each
// pod template has a name, the rollout, which a server reports as the setting
// scalestack.rollout as soon as it starts.
//
// With Args.Rollout Serial, a gate is in front of each shard's new ConfigMap and
// StatefulSet. It reads the new postgresql.conf with the new image, so that a setting
// that the server cannot parse and an image that does not exist stop the deployment
// with every shard as it was. Then it waits until the shard before it tells its
// rollout. A gate opens at once where its own shard's pod has no address, because it
// does not exist yet or is not scheduled, and so has nothing to lose: new shards start
// side by side. A last Job waits for all shards, whatever Args.Rollout is, and
// what uses Shard.Host comes after it.
//
// A Job that has waited for Args.RolloutTimeoutSeconds fails with the server's or the
// resolver's answer as the reason. The next deployment replaces it. A server that was
// started before rollouts had names tells none; it passes if its pod is left alone for
// 30 seconds.
//
// # Growing, and what never shrinks
//
// The volume claim is an object of its own and not a volumeClaimTemplate:
// Kubernetes forbids changes to a template, and Pulumi would answer one by
// deleting the StatefulSet. This way a larger Storage.Size is patched into the
// claim and the storage class expands the volume. A smaller one is refused by
// Kubernetes. Storage.Class and Storage.AccessMode are fixed when a claim is
// made; changing them touches new shards only.
//
// A volume grows some time after its claim, with some storage drivers only when its
// pod has stopped. So startup.sh looks at the volume before each start, and the
// server's limits for its log and temporary files are those of the size that it
// finds, rounded down to a power of two. A volume that has grown under a running
// server is used for data at once and for larger limits from the next start.
//
// # What survives
//
// No deployment deletes a claim: it stays when its shard leaves Shards, on
// destroy, and when the component is replaced. The next deployment adopts it by
// its name, with its data. To give the storage back, delete the claim by hand.
// A namespace takes its claims with it, so it must be retained as well; package
// namespace does so. Args.Protect goes further: Pulumi then refuses to remove the
// StatefulSets and claims until they are unprotected.
//
// # What may be an Output
//
// Image, ImagePullPolicy, Storage.Class, PriorityClass,
// NodeSelector, Namespace and the peers of IngressFrom are passed through to the
// objects, so they may be Outputs of other resources. All other fields decide which
// resources exist or are computed with, and must be known.
//
// # Memory
//
// Everything that the server may use is derived from Resources.Memory and MaxConnections,
// see [Tune]. A combination that could exceed the limit is refused before anything is
// registered, because the kernel would kill the database.
//
// A role may set its own work_mem and similar settings to any value. So the kernel limits
// each process of a server, see [Tuning], and refuses memory to a session that wants more. A single
// server starts with the limit, by server.sh; of several members Patroni sets it after each
// start, by limit.py. Neither holds for what replays the log before, or for what is no part
// of the server: a restore, a verification, the program that archives.
package postgres
