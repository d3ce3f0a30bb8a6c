// Package credentials reads user names and passwords from mounted Secrets.
package credentials

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// current is the link to the present version of a Secret. The kubelet replaces it
// together with the content: each version has a folder with its own name.
const current = "..data"

// Login is the content of a Secret.
type Login struct {
	User, Password string
	// Former lists passwords that rotations have replaced, the latest first. A server
	// that a rotation has not reached yet accepts one of them.
	Former []string
}

// Read returns the content of the files username and password in a folder, as
// Kubernetes mounts a Secret. It is called for every new connection, so a changed
// password needs no restart. Both values come from the same version of the Secret, even
// while the kubelet replaces it.
func Read(folder string) (user, password string, err error) {
	login, err := ReadLogin(folder)
	if err != nil {
		return "", "", err
	}
	return login.User, login.Password, nil
}

// ReadLogin is Read plus the lines of the file former, which may be absent.
func ReadLogin(folder string) (Login, error) {
	for {
		// A folder that no kubelet has made has no versions.
		version, _ := os.Readlink(filepath.Join(folder, current))
		login, err := readVersion(filepath.Join(folder, version))
		if err == nil && login.Former != nil {
			return login, nil
		}
		// A version that was replaced meanwhile may have lost any of its files.
		if now, _ := os.Readlink(filepath.Join(folder, current)); now == version {
			return login, err
		}
	}
}

func readVersion(folder string) (login Login, err error) {
	if login.User, err = readValue(folder, "username"); err != nil {
		return login, err
	}
	if login.Password, err = readValue(folder, "password"); err != nil {
		return login, err
	}
	former, err := readValue(folder, "former")
	switch {
	case err == nil:
		login.Former = strings.Split(former, "\n")
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	return login, err
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
