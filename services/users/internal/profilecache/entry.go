package profilecache

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/services/users/internal/users"
)

// An entry is "<version> <content>". The version stands first, in plain decimal,
// so that scripts find it without knowing the content, those of releases without
// leases too.
const (
	// absent says that the database had no such user.
	absent = "absent"
	// stale says only that versions before this one are out of date.
	stale = "stale"
	// unsettled is stale for a while: a change may have been made, or may be yet. Nobody
	// gets a lease before its life ends. Releases without it take it for a damaged entry.
	unsettled = "unsettled"
	// leased stands before the token of a lease. The version is that of the mark
	// before it.
	leased = "lease "
)

// maxVersion is the largest version that scripts of releases without leases compare.
const maxVersion int64 = 1 << 53

func encodeUser(user *users.User) (string, error) {
	if user == nil {
		return "0 " + absent, nil
	}
	content, err := json.Marshal(user)
	return strconv.FormatInt(user.Version, 10) + " " + string(content), err
}

func encodeStale(version int64) string { return strconv.FormatInt(version, 10) + " " + stale }

func encodeUnsettled() string { return strconv.FormatInt(maxVersion, 10) + " " + unsettled }

// leaseOf returns the lease that an entry is, "" if it is none.
func leaseOf(entry string) users.Lease {
	if _, content, _ := strings.Cut(entry, " "); strings.HasPrefix(content, leased) {
		return users.Lease(entry)
	}
	return ""
}

// decode refuses an entry of another user or version, as a damaged or foreign
// value may be one.
func decode(id int64, entry string) (users.Cached, error) {
	number, content, _ := strings.Cut(entry, " ")
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return users.Cached{}, fmt.Errorf("cache entry of user %d has no version", id)
	}
	switch {
	case content == absent:
		return users.Cached{Known: true}, nil
	case content == stale, content == unsettled, strings.HasPrefix(content, leased):
		return users.Cached{}, nil
	}
	user := &users.User{}
	if err := json.Unmarshal([]byte(content), user); err != nil {
		return users.Cached{}, fmt.Errorf("cache entry of user %d: %w", id, err)
	}
	if user.ID != id || user.Version != version {
		return users.Cached{}, fmt.Errorf("cache entry of user %d is of user %d", id, user.ID)
	}
	return users.Cached{Known: true, User: user}, nil
}
