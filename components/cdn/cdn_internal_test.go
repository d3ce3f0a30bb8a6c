package cdn

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestWhatAPreviewSaysOfADestroy(t *testing.T) {
	off := pulumi.BoolRef(false)
	said := func(a Args) []string { return (&a).withDefaults().afterDestroy() }
	require.Equal(t, []string{"pulumi destroy leaves these settings of the zone as they are: cache level, browser cache TTL, tiered caching"}, said(Args{ZoneID: zone, Argo: off}))
	require.Empty(t, said(Args{ZoneID: zone, ZoneSettings: off, TieredCache: off}))
	require.Equal(t, []string{"pulumi destroy turns Argo off, and the zone's tiered caching with it; argo: false before it turns Argo off alone"},
		said(Args{ZoneID: zone, ZoneSettings: off, TieredCache: off, Argo: pulumi.BoolRef(true)}))
}
