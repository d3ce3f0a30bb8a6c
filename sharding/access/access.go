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
	// Rotation counts how often the passwords were changed: 0 or more, never less than
	// before, and at most one more.
	Rotation int `json:"rotation"`
	// Services have a role each. Roles of services that are not listed lose their rights
	// with the next [Spec] that is applied to the end.
	Services []Service `json:"services"`
	// Former are roles of earlier releases, which lose all rights on tables once no
	// session uses them.
	Former []string `json:"former,omitempty"`
}

// Service is a program that connects to the shards.
type Service struct {
	// Name of the service, a DNS label of up to 57 characters.
	Name string `json:"name"`
	// Password of the current login.
	Password string `json:"password"`
	// Connections that the login may have to each shard: 1 or more.
	Connections int `json:"connections"`
	// StatementTimeout in seconds ends a statement, 1 or more.
	StatementTimeout int `json:"statementTimeout"`
	// IdleTransactionTimeout in seconds ends a session that leaves a transaction open
	// without a statement, 1 or more.
	IdleTransactionTimeout int `json:"idleTransactionTimeout"`
	// Read are tables that the service may read, Write those that it may also write.
	// Execute are functions that it may call, beyond those that everybody may. See
	// [ParseObject] for the form.
	Read    []string `json:"read,omitempty"`
	Write   []string `json:"write,omitempty"`
	Execute []string `json:"execute,omitempty"`
}

const (
	prefix = "svc_"
	// longestName leaves room for prefix and slot in PostgreSQL's 63 bytes.
	longestName = 63 - len(prefix) - len("_a")
)

// Client is the role of which every service's is a member.
const Client = "scalestack_client"

// Role is the name of the role that holds a service's rights. A service's name has no
// underscore, so no two roles share a name.
func Role(service string) string { return prefix + service }

// Login is the name of the login that is current after so many rotations.
func Login(service string, rotation int) string {
	return Role(service) + "_" + string("ab"[rotation%2])
}

// Encode writes the description for a file that only shardctl reads: it holds
// passwords.
func (s *Spec) Encode() ([]byte, error) { return json.Marshal(s) }

// Digest tells descriptions apart. It holds no password, and nothing that one could be
// guessed from.
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

// Decode reads the description; the error holds every mistake in it and no password.
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
