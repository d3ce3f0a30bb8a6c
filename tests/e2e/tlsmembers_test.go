//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// join gives each shard two standbys, which follow with TLS, and lets one take over.
func (d *tlsDrill) join() {
	d.t.Helper()
	d.up("members", map[string]string{"members": "3", "image": patroniImage})
	d.requireFollowed()
	leader := kubectl(d.t, "get", "endpoints", "postgres-shard-0", "-n", d.namespace, "-o", "jsonpath={.metadata.annotations.leader}")
	kubectl(d.t, "exec", "-n", d.namespace, leader, "-c", "postgres", "--", "patronictl", "switchover", "--force")
	d.requireFollowed()
	require.Empty(d.t, d.inClear())
}

// requireFollowed waits until both standbys of each shard follow, verified.
func (d *tlsDrill) requireFollowed() {
	d.t.Helper()
	eventually(d.t, 3*time.Minute, "standbys follow with TLS", func() error {
		for _, shard := range d.shards.Shards {
			count, err := d.standbys(shard.ID)
			if err != nil || count != 2 {
				return fmt.Errorf("%s has %d standbys: %w", shard.Name, count, err)
			}
		}
		return nil
	})
}

// standbys counts those that follow a shard's primary with TLS. During a switchover there is none to ask.
func (d *tlsDrill) standbys(shard int) (count int, err error) {
	conn, err := pgx.ConnectConfig(d.t.Context(), databaseConfig(d.t, d.namespace, shard))
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.Background())
	err = conn.QueryRow(d.t.Context(), `SELECT count(*) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)
		WHERE ssl AND state = 'streaming' AND application_name LIKE 'postgres-shard-%'`).Scan(&count)
	return count, err
}
