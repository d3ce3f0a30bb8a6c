package cdn

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

func TestWhatAFirstUpLeavesOut(t *testing.T) {
	ttl := func(seconds any) resource.PropertyMap {
		return resource.NewPropertyMapFromMap(map[string]any{"settings": map[string]any{"browserCacheTtl": seconds}})
	}
	require.Contains(t, unwritten(ttl(0), ttl(14400)), "browserTtl: the zone still has 14400 and not 0")
	require.Empty(t, unwritten(ttl(0), ttl(0)))
	require.Empty(t, unwritten(ttl(86400), ttl(86400)))
	require.Empty(t, unwritten(ttl(0), nil))
	require.Empty(t, unwritten(ttl(resource.Computed{}), ttl(1)))
}
