package admin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// iterations are Kafka's own default.
const iterations = 4096

const principalType = "User:"

// User is a client as it should be.
type User struct {
	// Name is what Kafka knows the client by.
	Name string
	// Password, or nothing for a client with a certificate.
	Password string
	ACLs     []ACL
	// Quotas by their Kafka names.
	Quotas map[string]float64
}

// EnsureUser makes the user, or makes what exists like it.
func (c *Client) EnsureUser(ctx context.Context, want User) error {
	if err := c.setPassword(ctx, want); err != nil {
		return err
	}
	if err := c.setACLs(ctx, want.Name, want.ACLs); err != nil {
		return err
	}
	return c.setQuotas(ctx, want)
}

// DeleteUser leaves nothing of the user.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.EnsureUser(ctx, User{Name: name})
}

// Users are the names of all that have a password or a rule, but for the guard.
func (c *Client) Users(ctx context.Context) ([]string, error) {
	described, err := c.adm.DescribeUserSCRAMs(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, user := range described {
		names = append(names, user.User)
	}
	rules, err := c.rules(ctx, nil)
	if err != nil {
		return nil, err
	}
	for principal := range rules {
		names = append(names, strings.TrimPrefix(principal, principalType))
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return name == firstUser })
	return slices.Compact(names), nil
}

// setPassword always writes: Kafka keeps a hash that cannot be compared.
func (c *Client) setPassword(ctx context.Context, want User) error {
	var remove []kadm.DeleteSCRAM
	var set []kadm.UpsertSCRAM
	if want.Password == "" {
		remove = []kadm.DeleteSCRAM{{User: want.Name, Mechanism: kadm.ScramSha512}}
	} else {
		set = []kadm.UpsertSCRAM{{User: want.Name, Mechanism: kadm.ScramSha512, Iterations: iterations, Password: want.Password}}
	}
	response, err := c.adm.AlterUserSCRAMs(ctx, remove, set)
	if err != nil {
		return err
	}
	return unless(kerr.ResourceNotFound, explained(response[want.Name].Err, response[want.Name].ErrMessage))
}

func (c *Client) setQuotas(ctx context.Context, want User) error {
	described, err := c.adm.DescribeClientQuotas(ctx, true, []kadm.DescribeClientQuotaComponent{
		{Type: "user", MatchName: &want.Name, MatchType: kmsg.QuotasMatchTypeExact},
	})
	if err != nil {
		return err
	}
	have := map[string]float64{}
	for _, quota := range described {
		for _, value := range quota.Values {
			have[value.Key] = value.Value
		}
	}
	changes := changedQuotas(have, want.Quotas)
	if len(changes) == 0 {
		return nil
	}
	response, err := c.adm.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{
		Entity: kadm.ClientQuotaEntity{{Type: "user", Name: &want.Name}}, Ops: changes,
	}})
	if err != nil {
		return err
	}
	for _, r := range response {
		err = errors.Join(err, explained(r.Err, r.ErrMessage))
	}
	return err
}

func changedQuotas(have, want map[string]float64) []kadm.AlterClientQuotaOp {
	var changes []kadm.AlterClientQuotaOp
	for key, value := range want {
		if old, set := have[key]; !set || old != value {
			changes = append(changes, kadm.AlterClientQuotaOp{Key: key, Value: value})
		}
	}
	for key := range have {
		if _, wanted := want[key]; !wanted {
			changes = append(changes, kadm.AlterClientQuotaOp{Key: key, Remove: true})
		}
	}
	return changes
}
