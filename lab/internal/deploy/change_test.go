package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

const small = "config:\n  scalestack:postgres:\n    shards: 4\n    rollout: Parallel\nencryptionsalt: v1:abc\n"

func TestAChangedConfigurationKeepsTheRest(t *testing.T) {
	changed, err := edited([]byte(small), "postgres", map[string]any{"shards": 5, "drain": []int{4}})
	require.NoError(t, err)
	require.YAMLEq(t, "config:\n  scalestack:postgres:\n    shards: 5\n    drain: [4]\n    rollout: Parallel\nencryptionsalt: v1:abc\n", string(changed))
	_, err = edited([]byte(small), "redis", nil)
	require.EqualError(t, err, "the file Pulumi.dev.yaml has no section scalestack:redis")
}

func TestASettingIsRead(t *testing.T) {
	p := paths.Paths{Repo: t.TempDir()}
	_, err := Setting(p, "postgres", "shards")
	require.Error(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(p.Repo, "Pulumi.dev.yaml"), []byte(small), 0o600))
	shards, err := Setting(p, "postgres", "shards")
	require.NoError(t, err)
	require.Equal(t, 4, shards)
	_, err = Setting(p, "postgres", "rollout")
	require.EqualError(t, err, "the file Pulumi.dev.yaml has no number scalestack:postgres.rollout")
}
