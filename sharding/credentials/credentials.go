// Package credentials reads user names and passwords from mounted Secrets.
package credentials

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Read returns the content of the files username and password in a
// folder, as Kubernetes mounts a Secret. It is called for every new connection,
// so that a changed password needs no restart. Both are of one version of the Secret
// if the user's name changes with the password, as that of a service's login does:
// Kubernetes may replace the files between the two reads.
func Read(folder string) (user, password string, err error) {
	if user, err = readValue(folder, "username"); err != nil {
		return "", "", err
	}
	for {
		if password, err = readValue(folder, "password"); err != nil {
			return "", "", err
		}
		again, err := readValue(folder, "username")
		if err != nil || again == user {
			return user, password, err
		}
		user = again
	}
}

func readValue(folder, name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return "", fmt.Errorf("credentials: %w", err)
	}
	// People make such files with an editor, which ends them with a new line.
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		return "", fmt.Errorf("credentials: %s is empty", filepath.Join(folder, name))
	}
	return value, nil
}
