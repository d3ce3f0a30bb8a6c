package cloudflare

import (
	"crypto/md5" //nolint:gosec // the provider's ids are MD5 sums
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// newID makes an id of the form that Cloudflare's have.
func newID() string {
	raw := make([]byte, 16)
	rand.Read(raw) //nolint:errcheck // never fails
	return hex.EncodeToString(raw)
}

// sumID is the id of what has none in the API: the provider hashes its name.
func sumID(name string) string {
	sum := md5.Sum([]byte(name)) //nolint:gosec
	return hex.EncodeToString(sum[:])
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }

// textOf returns a string property, or "" when it is absent or unknown.
func textOf(m property.Map, name string) string {
	if v := m.Get(name); v.IsString() {
		return v.AsString()
	}
	return ""
}

func mapOf(m property.Map, name string) (property.Map, bool) {
	v := m.Get(name)
	if !v.IsMap() {
		return property.Map{}, false
	}
	return v.AsMap(), true
}
