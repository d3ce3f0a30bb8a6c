package main

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/postgres"
	with "github.com/scalestack/scalestack/internal/settings"
	"github.com/scalestack/scalestack/stack"
)

// Shards with backups, of one member and of three, break no policy.
func TestBackupsAreSilent(t *testing.T) {
	for _, members := range []int{1, 3} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			require.Empty(t, messages(violations("dev", recordMembers(t, func(c *stack.Config) {
				c.Postgres.Members, c.Postgres.Resources.Memory = members, "1Gi"
				c.Postgres.Backup = with.WithDefaults(&postgres.Backup{
					Bucket: "s3://acme/prod", ServiceAccountAnnotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/backups"},
				})
				c.Postgres.Image = pulumi.String("scalestack/postgres:16.2-patroni-4.1.5-barman-3.19.1")
			}))))
		})
	}
}
