package access

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Administrators holds the desired passwords of the shards' own roles: by shard name, those of each role.
type Administrators map[string]map[string]string

// DecodeAdministrators reads them from a JSON object. The error holds no password.
func DecodeAdministrators(content []byte) (Administrators, error) {
	var all Administrators
	if json.Unmarshal(content, &all) != nil || len(all) == 0 {
		return nil, errors.New("administrators: not a JSON object with passwords by shard and role")
	}
	for shard, passwords := range all {
		for role, password := range passwords {
			if password == "" {
				return nil, fmt.Errorf("administrators: the password of %s on %s is empty", role, shard)
			}
		}
	}
	return all, nil
}
