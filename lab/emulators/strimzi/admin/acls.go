package admin

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ACL is one rule for a user.
type ACL struct {
	Resource   kmsg.ACLResourceType
	Name       string
	Pattern    kmsg.ACLResourcePatternType
	Host       string
	Operation  kmsg.ACLOperation
	Permission kmsg.ACLPermissionType
}

// setACLs adds what is missing before it takes away what is too much: a user whose rules are only written another way
// keeps its access in between.
func (c *Client) setACLs(ctx context.Context, name string, want []ACL) error {
	principal := principalType + name
	all, err := c.rules(ctx, &principal)
	if err != nil {
		return err
	}
	missing, surplus := difference(all[principal], want)
	if err := c.addACLs(ctx, principal, missing); err != nil {
		return err
	}
	return c.removeACLs(ctx, principal, surplus)
}

func difference(have, want []ACL) (missing, surplus []ACL) {
	left := map[ACL]bool{}
	for _, rule := range have {
		left[rule] = true
	}
	wanted := map[ACL]bool{}
	for _, rule := range want {
		if !left[rule] && !wanted[rule] {
			missing = append(missing, rule)
		}
		wanted[rule] = true
	}
	for _, rule := range have {
		if !wanted[rule] {
			surplus = append(surplus, rule)
		}
	}
	return missing, surplus
}

// rules by principal, of one or of all.
func (c *Client) rules(ctx context.Context, principal *string) (map[string][]ACL, error) {
	request := kmsg.NewPtrDescribeACLsRequest()
	request.ResourceType = kmsg.ACLResourceTypeAny
	request.ResourcePatternType = kmsg.ACLResourcePatternTypeAny
	request.Operation = kmsg.ACLOperationAny
	request.PermissionType = kmsg.ACLPermissionTypeAny
	request.Principal = principal
	response, err := request.RequestWith(ctx, c.kafka)
	if err != nil {
		return nil, err
	}
	if err := code(response.ErrorCode, response.ErrorMessage); err != nil {
		return nil, err
	}
	rules := map[string][]ACL{}
	for _, resource := range response.Resources {
		for _, rule := range resource.ACLs {
			rules[rule.Principal] = append(rules[rule.Principal], ACL{
				Resource: resource.ResourceType, Name: resource.ResourceName, Pattern: resource.ResourcePatternType,
				Host: rule.Host, Operation: rule.Operation, Permission: rule.PermissionType,
			})
		}
	}
	return rules, nil
}

func (c *Client) addACLs(ctx context.Context, principal string, rules []ACL) error {
	if len(rules) == 0 {
		return nil
	}
	request := kmsg.NewPtrCreateACLsRequest()
	for _, rule := range rules {
		creation := kmsg.NewCreateACLsRequestCreation()
		creation.ResourceType, creation.ResourceName, creation.ResourcePatternType = rule.Resource, rule.Name, rule.Pattern
		creation.Principal, creation.Host = principal, rule.Host
		creation.Operation, creation.PermissionType = rule.Operation, rule.Permission
		request.Creations = append(request.Creations, creation)
	}
	response, err := request.RequestWith(ctx, c.kafka)
	if err != nil {
		return err
	}
	for _, result := range response.Results {
		err = errors.Join(err, code(result.ErrorCode, result.ErrorMessage))
	}
	return err
}

func (c *Client) removeACLs(ctx context.Context, principal string, rules []ACL) error {
	if len(rules) == 0 {
		return nil
	}
	request := kmsg.NewPtrDeleteACLsRequest()
	for _, rule := range rules {
		filter := kmsg.NewDeleteACLsRequestFilter()
		filter.ResourceType, filter.ResourceName, filter.ResourcePatternType = rule.Resource, &rule.Name, rule.Pattern
		filter.Principal, filter.Host = &principal, &rule.Host
		filter.Operation, filter.PermissionType = rule.Operation, rule.Permission
		request.Filters = append(request.Filters, filter)
	}
	response, err := request.RequestWith(ctx, c.kafka)
	if err != nil {
		return err
	}
	for _, result := range response.Results {
		err = errors.Join(err, code(result.ErrorCode, result.ErrorMessage))
	}
	return err
}
