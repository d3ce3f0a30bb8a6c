package admin

import (
	"context"
	"crypto/rand"

	"github.com/twmb/franz-go/pkg/kadm"
)

// firstUser keeps Kafka 3.7.1 from losing passwords. At a start it reads all changes of users since its last snapshot,
// in the order of a Java HashMap, and once a removal leaves no user behind it drops those that it reads afterwards
// (ScramDelta.apply takes the map out of the result and goes on to fill it). The Java hash of this name is 0, so that
// it is read first, and it is never removed: no removal can leave nothing behind. Nobody knows its password and it has
// no right. The name stays as it was: renaming it removes the old one, which is read first, and loses every password.
const firstUser = "stand-in-first-ankqilgc"

// guard makes that user before any other.
func (c *Client) guard(ctx context.Context) error {
	described, err := c.adm.DescribeUserSCRAMs(ctx)
	if err != nil {
		return err
	}
	if _, there := described[firstUser]; there {
		return nil
	}
	response, err := c.adm.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{
		{User: firstUser, Mechanism: kadm.ScramSha512, Iterations: iterations, Password: rand.Text()},
	})
	if err != nil {
		return err
	}
	return explained(response[firstUser].Err, response[firstUser].ErrMessage)
}
