// Package credentials reads user names and passwords from mounted Secrets.
package credentials

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// current is the link to the present version of a Secret, which the kubelet replaces
// with the content: each version has a folder of its own, with a name of its own.
const current = "..data"

// Read returns the content of the files username and password in a
// folder, as Kubernetes mounts a Secret. It is called for every new connection,
// so that a changed password needs no restart. Both are of one version of the Secret,
// also while the kubelet replaces it.
func Read(folder string) (user, password string, err error) {
	for {
		// A folder that no kubelet has made has no versions.
		version, _ := os.Readlink(filepath.Join(folder, current))
		user, password, err = readBoth(filepath.Join(folder, version))
		if err == nil {
			return user, password, nil
		}
		if now, _ := os.Readlink(filepath.Join(folder, current)); now == version {
			return "", "", err
		}
	}
}

func readBoth(folder string) (user, password string, err error) {
	if user, err = readValue(folder, "username"); err != nil {
		return "", "", err
	}
	password, err = readValue(folder, "password")
	return user, password, err
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
