package cdn

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// NewProvider registers a provider of Cloudflare with the settings that Pulumi's own
// one would take (cloudflare:apiToken and the others of [its documentation]), for
// projects that forbid default providers. What is not set comes from the provider's
// variables, such as CLOUDFLARE_API_TOKEN, which never reach the state.
//
// [its documentation]: https://www.pulumi.com/registry/packages/cloudflare/installation-configuration/
func NewProvider(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (pulumi.ProviderResource, error) {
	s := &providerSettings{ctx: ctx}
	args := &cloudflare.ProviderArgs{
		ApiToken:                s.text("apiToken"),
		ApiKey:                  s.text("apiKey"),
		ApiUserServiceKey:       s.text("apiUserServiceKey"),
		Email:                   s.text("email"),
		ApiBasePath:             s.text("apiBasePath"),
		ApiHostname:             s.text("apiHostname"),
		UserAgentOperatorSuffix: s.text("userAgentOperatorSuffix"),
		ApiClientLogging:        s.boolean("apiClientLogging"),
		MaxBackoff:              s.number("maxBackoff"),
		MinBackoff:              s.number("minBackoff"),
		Retries:                 s.number("retries"),
		Rps:                     s.number("rps"),
	}
	if err := errors.Join(s.errs...); err != nil {
		return nil, err
	}
	made, err := cloudflare.NewProvider(ctx, name, args, opts...)
	if err != nil {
		return nil, fmt.Errorf("cloudflare provider: %w", err)
	}
	return made, nil
}

// providerSettings are those of Pulumi's namespace cloudflare. One that is not given
// is nil, so that the provider's own default counts.
type providerSettings struct {
	ctx  *pulumi.Context
	errs []error
}

func (s *providerSettings) text(name string) pulumi.StringPtrInput {
	value, given := s.ctx.GetConfig("cloudflare:" + name)
	switch {
	case !given:
		return nil
	case s.ctx.IsConfigSecret("cloudflare:" + name):
		return pulumi.ToSecret(pulumi.StringPtr(value)).(pulumi.StringPtrOutput)
	}
	return pulumi.StringPtr(value)
}

func (s *providerSettings) boolean(name string) pulumi.BoolPtrInput {
	value, given := s.ctx.GetConfig("cloudflare:" + name)
	if !given {
		return nil
	}
	parsed, err := strconv.ParseBool(value)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("cloudflare:%s: Invalid value: %q: must be true or false", name, value))
	}
	return pulumi.BoolPtr(parsed)
}

func (s *providerSettings) number(name string) pulumi.IntPtrInput {
	value, given := s.ctx.GetConfig("cloudflare:" + name)
	if !given {
		return nil
	}
	parsed, err := strconv.Atoi(value)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("cloudflare:%s: Invalid value: %q: must be an integer", name, value))
	}
	return pulumi.IntPtr(parsed)
}
