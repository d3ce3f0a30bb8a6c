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
	stack   ownStack
	members bool
}

// TestPasswordsRotateUnderLoad changes the passwords of services, of the shards' own roles, of Patroni and of the cache twice. After
// each time the former logins of services are refused at once instead of an hour later: whatever still used one would fail. The other
// former passwords are refused without that. With PARTS=members each shard has three members.
func TestPasswordsRotateUnderLoad(t *testing.T) {
	if number(t, "ROTATE", 0) == 0 {
		t.Skip("takes minutes: make prove-rotation")
	}
	s := newOwnStack(t, "rotation", "tlsstack.yaml")
	s.set(map[string]string{"scalestack:namespace": "rotation"})
	members := os.Getenv("PARTS") == "members"
	if members {
		s.set(map[string]string{"scalestack:postgres.members": "3", "scalestack:postgres.image": patroniImage})
	}
	s.deploy()
	d := &rotationDrill{newProof(t, number(t, "USERS", 500)), s, members}
	d.start(load.Options{Rate: float64(number(t, "RATE", 40))})
	first := d.passwords()
	d.rotate(1, "b", first)
	d.rotate(2, "a", first, d.passwords())
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

// ownRoles are those of the shards themselves that others log in as, each with the end of its Secret's name and the key of its password.
var ownRoles = map[string][2]string{"scalestack_owner": {"admin", "owner-password"}, "scalestack_mover": {"admin", "mover-password"}, "app": {"app", "password"}}

// passwords are those of ownRoles in the shards' Secrets.
func (d *rotationDrill) passwords() (all []map[string]string) {
	d.t.Helper()
	for _, shard := range d.shards.Shards {
		here := map[string]string{}
		for role, at := range ownRoles {
			here[role] = secret(d.t, d.namespace, fmt.Sprintf("postgres-shard-%d-%s", shard.ID, at[0]), at[1])
		}
		all = append(all, here)
	}
	return all
}

// requireRefused shows that each shard takes the passwords of its Secrets, which are new, and none of before.
func (d *rotationDrill) requireRefused(former [][]map[string]string) {
	d.t.Helper()
	present := d.passwords()
	for i, shard := range d.shards.Shards {
		config := databaseConfig(d.t, d.namespace, shard.ID)
		for role := range ownRoles {
			config.User, config.Password = role, present[i][role]
			conn, err := pgx.ConnectConfig(d.t.Context(), config)
			require.NoError(d.t, err, "%s: %s", shard.Name, role)
			require.NoError(d.t, conn.Close(d.t.Context()))
			for _, passwords := range former {
				require.NotEqual(d.t, passwords[i][role], config.Password)
				before := config.Copy()
				before.Password = passwords[i][role]
				_, err := pgx.ConnectConfig(d.t.Context(), before)
				require.ErrorContains(d.t, err, "28P01", "%s takes a former password of %s", shard.Name, role)
			}
		}
	}
}

// changesPatroni prints what a member's Patroni answers to a change with each of the passwords in its settings, the present one first.
const changesPatroni = `
import base64, os, sys, urllib.error
sys.path.insert(0, os.environ["CONFIG"])
import rest
for login in rest.logins():
    header = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
    try:
        rest.ask("/reload", b"{}", header, 5, rest.certificate())
        print("taken")
    except urllib.error.HTTPError as error:
        print(error.code)
`

// requireRefusedByPatroni waits until each member has the new password and takes none of before.
func (d *rotationDrill) requireRefusedByPatroni(rotation int) {
	d.t.Helper()
	want := "taken" + strings.Repeat(" 401", rotation)
	pods := strings.Fields(kubectl(d.t, "get", "pods", "-n", d.namespace, "-l", "app.kubernetes.io/name=postgres", "-o", "jsonpath={.items[*].metadata.name}"))
	require.Len(d.t, pods, 3*len(d.shards.Shards))
	for _, pod := range pods {
		eventually(d.t, 3*time.Minute, "the new password of its REST API", func() error {
			answers, err := try(d.t, "kubectl", "exec", "-n", d.namespace, pod, "-c", "roles", "--", "python3", "-I", "-c", changesPatroni)
			if found := strings.Join(strings.Fields(answers), " "); err != nil || found != want {
				return fmt.Errorf("%s answers %s: %w", pod, found, err)
			}
			return nil
		})
	}
}

// rotate deploys, and waits until every session of a service has the new login.
func (d *rotationDrill) rotate(rotation int, login string, former ...[]map[string]string) {
	d.t.Helper()
	d.allowAnother()
	began := time.Now()
	d.stack.set(map[string]string{"scalestack:postgres.passwordRotation": strconv.Itoa(rotation), "scalestack:redis.passwordRotation": strconv.Itoa(rotation)})
	d.stack.deploy()
	d.requireRefused(former)
	d.t.Logf("pulumi up in %s", time.Since(began).Round(time.Second))
	if d.members {
		d.requireRefusedByPatroni(rotation)
		d.t.Logf("no member's Patroni takes a former password after %s", time.Since(began).Round(time.Second))
	}
	newAlone := func() error {
		if left := d.endFormerSessions(login); len(left) > 0 {
			return fmt.Errorf("former logins in use: %s", strings.Join(left, ", "))
		}
		return d.appsHave("/etc/scalestack/shards/shard-0/username", func(name string) bool { return strings.HasSuffix(name, "_"+login) })
	}
	eventually(d.t, 4*time.Minute, "new sessions have the new login", newAlone)
	d.t.Logf("every session has login %s after %s", login, time.Since(began).Round(time.Second))
	d.exec(`DO $$ DECLARE former name; BEGIN
		FOR former IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'svc\_%\__' AND rolname NOT LIKE '%\_` + login + `' LOOP
			EXECUTE format('ALTER ROLE %I VALID UNTIL ''-infinity''', former);
		END LOOP; END $$`)
	// One may have begun between the look and the end of its login. None begins from now on.
	eventually(d.t, 30*time.Second, "the former logins' last sessions", newAlone)
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
