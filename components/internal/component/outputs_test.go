package component

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestOutputsAreTheFieldsWithTags(t *testing.T) {
	type component struct {
		pulumi.ResourceState

		Address pulumi.StringOutput `pulumi:"address"`
		Secret  pulumi.StringOutput `pulumi:"appSecret"`
		Inner   pulumi.StringOutput
	}
	c := &component{Address: pulumi.String("a").ToStringOutput(), Secret: pulumi.String("b").ToStringOutput()}
	require.Equal(t, pulumi.Map{"address": c.Address, "appSecret": c.Secret}, Outputs(c))
}
