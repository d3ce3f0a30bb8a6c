//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/tests/load"
)

// rotationDrill is a stack of its own whose passwords change under load.
type rotationDrill struct {
	*proof
	stack ownStack
}

// TestPasswordsRotateUnderLoad changes the services' passwords and the shards' superusers' twice. After each time the former
// logins of services are refused at once instead of an hour later: whatever still used one would fail. A superuser's former password is
// refused by each server without that. With PARTS=members each shard has three members.
func TestPasswordsRotateUnderLoad(t *testing.T) {
	if number(t, "ROTATE", 0) == 0 {
		t.Skip("takes minutes: make prove-rotation")
	}
	s := newOwnStack(t, "rotation", "tlsstack.yaml")
	s.set(map[string]string{"scalestack:namespace": "rotation"})
	if os.Getenv("PARTS") == "members" {
		s.set(map[string]string{"scalestack:postgres.members": "3", "scalestack:postgres.image": patroniImage})
	}
	s.deploy()
	d := &rotationDrill{newProof(t, number(t, "USERS", 500)), s}
	d.start(load.Options{Rate: float64(number(t, "RATE", 40))})
	first := d.superusers()
	d.rotate(1, "b", first)
	d.rotate(2, "a", first, d.superusers())
	report := d.compare()
	require.Zero(t, report.Failed, "%s", report)
	d.requireFreshCache()
}

// allowAnother waits until the rotation before has ended, and ages it.
func (d *rotationDrill) allowAnother() {
	d.t.Helper()
	eventually(d.t, 5*time.Minute, "the rotation before has ended", func() error {
		var left []int
		d.onShards(func(ctx context.Context, shards []history.Shard) {
			for _, shard := range shards {
				var ended bool
				require.NoError(d.t, shard.Conn.QueryRow(ctx, "SELECT coalesce(retired = rotation, false) FROM scalestack.rotation").Scan(&ended))
				if !ended {
					left = append(left, shard.ID)
				}
			}
		})
		if len(left) > 0 {
			return fmt.Errorf("not on shards %v", left)
		}
		return nil
	})
	d.exec("UPDATE scalestack.rotation SET changed_at = now() - interval '1 hour'")
}

// superusers are the passwords in the shards' Secrets.
func (d *rotationDrill) superusers() []string {
	d.t.Helper()
	var all []string
	for _, shard := range d.shards.Shards {
		all = append(all, databaseConfig(d.t, d.namespace, shard.ID).Password)
	}
	return all
}

// requireRefused shows that each shard takes the password of its Secret, which is new, and none of before.
func (d *rotationDrill) requireRefused(former [][]string) {
	d.t.Helper()
	for i, shard := range d.shards.Shards {
		config := databaseConfig(d.t, d.namespace, shard.ID)
		require.NoError(d.t, database(d.t, d.namespace, shard.ID).Ping(d.t.Context()))
		for _, passwords := range former {
			require.NotEqual(d.t, passwords[i], config.Password)
			before := config.Copy()
			before.Password = passwords[i]
			_, err := pgx.ConnectConfig(d.t.Context(), before)
			require.ErrorContains(d.t, err, "28P01", "%s takes a former password", shard.Name)
		}
	}
}

// rotate deploys, and waits until every session of a service has the new login.
func (d *rotationDrill) rotate(rotation int, login string, former ...[]string) {
	d.t.Helper()
	d.allowAnother()
	began := time.Now()
	d.stack.set(map[string]string{"scalestack:postgres.passwordRotation": strconv.Itoa(rotation), "scalestack:redis.passwordRotation": strconv.Itoa(rotation)})
	d.stack.deploy()
	d.requireRefused(former)
	d.t.Logf("pulumi up in %s", time.Since(began).Round(time.Second))
	eventually(d.t, 4*time.Minute, "new sessions have the new login", func() error {
		if left := d.endFormerSessions(login); len(left) > 0 {
			return fmt.Errorf("former logins in use: %s", strings.Join(left, ", "))
		}
		return nil
	})
	d.t.Logf("every session has login %s after %s", login, time.Since(began).Round(time.Second))
	d.exec(`DO $$ DECLARE former name; BEGIN
		FOR former IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'svc\_%\__' AND rolname NOT LIKE '%\_` + login + `' LOOP
			EXECUTE format('ALTER ROLE %I VALID UNTIL ''-infinity''', former);
		END LOOP; END $$`)
	time.Sleep(10 * time.Second)
	require.Empty(d.t, d.endFormerSessions(login))
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
