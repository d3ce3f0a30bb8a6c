package access

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Administrators holds the desired passwords of the shards' superusers, by shard name.
type Administrators map[string]string

// DecodeAdministrators reads them from a JSON object. The error holds no password.
func DecodeAdministrators(content []byte) (Administrators, error) {
	var all Administrators
	if json.Unmarshal(content, &all) != nil || len(all) == 0 {
		return nil, errors.New("administrators: not a JSON object with a password by shard")
	}
	for shard, password := range all {
		if password == "" {
			return nil, fmt.Errorf("administrators: the password of %s is empty", shard)
		}
	}
	return all, nil
}
