package stack

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// judgeCacheRotation refuses a rotation whose servers would refuse a password that pods may have: such a
// pod cannot invalidate what others read. Servers take the password of the rotation before too. The state has older ones as
// long as a rotation has not ended.
func (c *Config) judgeCacheRotation(p past) field.ErrorList {
	wanted := c.Redis.PasswordRotation
	if len(p.cachePasswords) == 0 {
		return nil
	}
	last := slices.Max(p.cachePasswords)
	most := last + 1
	if slices.Min(p.cachePasswords) < last-1 {
		most = last
	}
	if wanted <= most {
		return nil
	}
	return field.ErrorList{field.Invalid(sectionPath("redis").Child("passwordRotation"), wanted, fmt.Sprintf(
		"must be at most %d: pods may have a password of before, which the servers would refuse, and could not invalidate what others read", most))}
}

// laterCachePasswords are of rotations that are taken back.
func (c *Config) laterCachePasswords(p past) []int {
	later := slices.DeleteFunc(slices.Clone(p.cachePasswords), func(one int) bool { return one <= c.Redis.PasswordRotation })
	slices.Sort(later)
	return later
}
