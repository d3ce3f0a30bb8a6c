package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Spec is the desired state of the services' roles on every shard.
type Spec struct {
	// Rotation counts the password rotations. It never decreases and grows by at most
	// one at a time.
	Rotation int `json:"rotation"`
	// Services lists the services, each of which gets a role. Roles of services that
	// are no longer listed lose their rights once a Spec without them has been applied
	// completely.
	Services []Service `json:"services"`
	// Former lists roles of earlier releases, which lose all rights on tables once no
	// session uses them.
	Former []string `json:"former,omitempty"`
}

// Service is a program that connects to the shards.
type Service struct {
	// Name of the service, a DNS label of up to 57 characters.
	Name string `json:"name"`
	// Password of the current login.
	Password string `json:"password"`
	// Connections is the most connections of the login to each shard, at least 1.
	Connections int `json:"connections"`
	// StatementTimeout ends a statement after that many seconds, at least 1.
	StatementTimeout int `json:"statementTimeout"`
	// IdleTransactionTimeout ends a session that leaves a transaction open without a
	// statement for that many seconds, at least 1.
	IdleTransactionTimeout int `json:"idleTransactionTimeout"`
	// Read lists tables that the service may read, Write those that it may also write,
	// and Execute functions that it may call in addition to those open to everybody.
	// [ParseObject] has the form.
	Read    []string `json:"read,omitempty"`
	Write   []string `json:"write,omitempty"`
	Execute []string `json:"execute,omitempty"`
}

const (
	prefix = "svc_"
	// longestName leaves room for prefix and slot in PostgreSQL's 63 bytes.
	longestName = 63 - len(prefix) - len("_a")
)

// Client is the role that every service's role is a member of.
const Client = "scalestack_client"

// Role returns the name of the role that holds a service's rights. Service names
// contain no underscore, so no two roles share a name.
func Role(service string) string { return prefix + service }

// Login returns the name of the login that is current after that many rotations.
func Login(service string, rotation int) string {
	return Role(service) + "_" + string("ab"[rotation%2])
}

// Encode writes the description for a file that only shardctl may read, because it
// holds passwords.
func (s *Spec) Encode() ([]byte, error) { return json.Marshal(s) }

// Digest identifies a description. It reveals no password, and nothing to guess one
// from.
func (s *Spec) Digest() (string, error) {
	public := *s
	public.Services = slices.Clone(s.Services)
	for i := range public.Services {
		public.Services[i].Password = ""
	}
	content, err := public.Encode()
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), err
}

// Decode reads a description. The error holds every mistake in it and no password.
func Decode(content []byte) (*Spec, error) {
	s := &Spec{}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return nil, fmt.Errorf("roles: not valid JSON of the expected form: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("roles: more than one JSON value")
	}
	return s, s.Validate()
}

// Validate reports every mistake.
func (s *Spec) Validate() error {
	var errs []error
	if s.Rotation < 0 {
		errs = append(errs, fmt.Errorf("roles: rotation: %d is negative", s.Rotation))
	}
	seen := map[string]bool{}
	for i, service := range s.Services {
		path := fmt.Sprintf("roles: services[%d]", i)
		errs = append(errs, service.validate(path)...)
		if seen[service.Name] {
			errs = append(errs, fmt.Errorf("%s.name: %q is listed twice", path, service.Name))
		}
		seen[service.Name] = true
	}
	return errors.Join(errs...)
}

func (s Service) validate(path string) []error {
	var errs []error
	fail := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s.%s: %s", path, field, fmt.Sprintf(format, args...)))
	}
	if !label.MatchString(s.Name) || len(s.Name) > longestName {
		fail("name", "%q is not a DNS label of up to %d characters", s.Name, longestName)
	}
	if s.Password == "" {
		fail("password", "is empty")
	}
	for _, limit := range []struct {
		field string
		value int
	}{{"connections", s.Connections}, {"statementTimeout", s.StatementTimeout}, {"idleTransactionTimeout", s.IdleTransactionTimeout}} {
		if limit.value < 1 {
			fail(limit.field, "%d is less than 1", limit.value)
		}
	}
	for _, list := range s.lists() {
		for i, name := range list.names {
			if _, err := ParseObject(name); err != nil {
				fail(fmt.Sprintf("%s[%d]", list.privilege, i), "%s", err)
			}
		}
	}
	return errs
}
