package redis

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

func TestServerConfig(t *testing.T) {
	text := serverConfig((&Args{Resources: k8s.Resources{Memory: "256Mi"}}).withDefaults())
	require.Contains(t, text, "maxmemory 201326592\n", "75 % of 256 MiB")
	require.Contains(t, text, "maxmemory-policy allkeys-lfu\n")
	require.Contains(t, text, "save \"\"\n")
	require.Contains(t, text, "appendonly no\n")
	require.Contains(t, text, "aclfile /etc/redis-acl/users.acl\n")
	require.NotContains(t, text, "requirepass")
}

func TestUserListGivesTheDefaultUserWhatProbesNeed(t *testing.T) {
	users := userList((*Args)(nil).withDefaults(), "secret")
	require.Contains(t, users, "user default reset on nopass -@all +ping +script|kill +function|kill\n")
}

func TestUserListHoldsAHashAndThePatterns(t *testing.T) {
	args := &Args{KeyPatterns: []string{"user_profile:*", "session:*"}, Commands: []string{"+get"}}
	users := userList(args.withDefaults(), "secret")
	hash := sha256.Sum256([]byte("secret"))
	require.Contains(t, users,
		"user app reset on #"+hex.EncodeToString(hash[:])+" ~user_profile:* ~session:* -@all +get\n")
	require.NotContains(t, users, "secret")
}

func TestUserListTakesThePasswordOfBefore(t *testing.T) {
	users := userList((*Args)(nil).withDefaults(), "new", "former")
	require.Contains(t, users, "user app reset on #"+hashed("new")+" #"+hashed("former")+" ~user_profile:* -@all ")
}

func TestDefaultCommandsAreValid(t *testing.T) {
	for _, rule := range DefaultCommands() {
		require.Regexp(t, aclRule, rule)
	}
}
