//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/tests/load"
)

// The services' passwords change twice under load, and after each time the former
// login is refused at once instead of an hour later: whatever still used it would fail.
func TestPasswordsRotateUnderLoad(t *testing.T) {
	if number(t, "ROTATE", 0) == 0 {
		t.Skip("takes minutes, and leaves the services on other logins: make prove-rotation")
	}
	p := newProof(t, number(t, "USERS", 2_000))
	p.start(load.Options{Rate: float64(number(t, "RATE", 100))})
	p.exec("UPDATE scalestack.rotation SET changed_at = now() - interval '1 hour'")
	p.rotate(changedConfig(t, "postgres", map[string]any{"passwordRotation": 1}), "b")

	// The way back is one that only a test may take: the shards forget that they were
	// at another rotation.
	p.exec("DELETE FROM scalestack.rotation")
	p.rotate("Pulumi.dev.yaml", "a")
	report := p.compare()
	require.Zero(t, report.Failed, "%s", report)
}

// rotate deploys, and waits until every session of a service has the new login.
func (p *proof) rotate(config, login string) {
	p.t.Helper()
	began := time.Now()
	p.up(config)
	p.t.Logf("pulumi up in %s", time.Since(began).Round(time.Second))
	eventually(p.t, 4*time.Minute, "new sessions have the new login", func() error {
		if left := p.endFormerSessions(login); len(left) > 0 {
			return fmt.Errorf("former logins in use: %s", strings.Join(left, ", "))
		}
		return nil
	})
	p.t.Logf("every session has login %s after %s", login, time.Since(began).Round(time.Second))
	p.exec(`DO $$ DECLARE former name; BEGIN
		FOR former IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'svc\_%\__' AND rolname NOT LIKE '%\_` + login + `' LOOP
			EXECUTE format('ALTER ROLE %I VALID UNTIL ''-infinity''', former);
		END LOOP; END $$`)
	time.Sleep(10 * time.Second)
	require.Empty(p.t, p.endFormerSessions(login))
}

// endFormerSessions ends idle sessions of former logins, whose users then connect
// anew, and returns the sessions that it found.
func (p *proof) endFormerSessions(login string) (found []string) {
	p.onShards(func(ctx context.Context, shards []history.Shard) {
		for _, shard := range shards {
			var here []string
			require.NoError(p.t, shard.Conn.QueryRow(ctx, `SELECT coalesce(array_agg(format('%s on shard %s%s', usename, $2::int,
					CASE WHEN state = 'idle' AND pg_terminate_backend(pid) THEN ', ended' END)), '{}')
				FROM pg_stat_activity WHERE usename LIKE 'svc\_%\__' AND usename NOT LIKE '%\_' || $1::text`, login, shard.ID).Scan(&here))
			found = append(found, here...)
		}
	})
	return found
}

// exec runs a statement on every shard, as its administrator.
func (p *proof) exec(sql string) {
	p.t.Helper()
	p.onShards(func(ctx context.Context, shards []history.Shard) {
		for _, shard := range shards {
			_, err := shard.Conn.Exec(ctx, sql)
			require.NoError(p.t, err)
		}
	})
}
