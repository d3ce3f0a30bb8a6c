package stack

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkBackup refuses archive credentials that nobody provides or that lack a key, and
// restores of shards that the stack does not have.
func (c *Config) checkBackup() field.ErrorList {
	var errs field.ErrorList
	path := sectionPath("postgres")
	if b := c.Postgres.Backup; b != nil && b.CredentialsSecret != "" {
		errs = append(errs, c.checkUse(secretUse{
			path.Child("backup", "credentialsSecret"), b.CredentialsSecret, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
		})...)
	}
	if r := c.Postgres.Restore; r != nil {
		for i, id := range r.Shards {
			if !slices.Contains(c.shardIDs(), id) {
				errs = append(errs, field.Invalid(path.Child("restore", "shards").Index(i), id, "must be one of the shards"))
			}
		}
	}
	return errs
}
