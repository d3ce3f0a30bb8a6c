package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Zone is a file of the emulator: all that a zone has of one kind of resource.
type Zone struct {
	// Note explains the file to a reader.
	Note string `json:"note"`
	// Zone is the zone's id, Kind the file's name without .json.
	Zone string `json:"zone"`
	Kind string `json:"kind"`
	// Resources are what the zone has, by id.
	Resources map[string]Applied `json:"resources"`
}

// Applied is one resource as it was last applied.
type Applied struct {
	// Version counts the applications, from 1.
	Version     int       `json:"version"`
	LastUpdated time.Time `json:"lastUpdated"`
	// Properties are named as in the Pulumi SDK.
	Properties map[string]any `json:"properties"`
}

const note = "Written by the lab's emulator of the Cloudflare provider. No real zone knows of it."

// store keeps the files, at <dir>/<zone>/<kind>.json.
type store struct {
	dir string
	// token is what every call fails with, or nil.
	token error
}

// Load reads one file of the emulator. A missing file is an empty zone.
func Load(dir, zone, kind string) (*Zone, error) {
	z := &Zone{Note: note, Zone: zone, Kind: kind, Resources: map[string]Applied{}}
	path := filepath.Join(dir, zone, kind+".json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return z, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, z); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return z, nil
}

func (s *store) zone(id string) (*zone, error) {
	z, err := loadZone(s.dir, id)
	if err == nil {
		z.token = s.token
	}
	return z, err
}

// change applies f to a zone's files under a lock, so that resources which are
// created at once do not lose each other.
func (s *store) change(id, kind string, f func(*zone, *Zone) error) error {
	folder := filepath.Join(s.dir, id)
	lock, err := lockFolder(folder)
	if err != nil {
		return err
	}
	defer lock.Close()
	z, err := s.zone(id)
	if err != nil {
		return err
	}
	applied, err := Load(s.dir, id, kind)
	if err != nil {
		return err
	}
	if err := f(z, applied); err != nil {
		return err
	}
	return errors.Join(save(filepath.Join(folder, zoneFile), z), save(filepath.Join(folder, kind+".json"), applied))
}

// lockFolder makes a folder if there is none, and waits until nobody else has it. The
// file ends the lock when it is closed.
func lockFolder(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", folder, err), lock.Close())
	}
	return lock, nil
}

// save replaces a file in one step: a reader sees the old or the new one.
func save(path string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, append(text, '\n')) {
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".write-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(append(text, '\n'))
	if err := errors.Join(err, temporary.Chmod(0o644), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

func (z *Zone) put(id string, properties map[string]any) {
	z.Resources[id] = Applied{
		Version:     z.Resources[id].Version + 1,
		LastUpdated: time.Now().UTC().Truncate(time.Second),
		Properties:  properties,
	}
}
