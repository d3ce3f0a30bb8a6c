package access

import (
	"fmt"
	"regexp"
	"strings"
)

// Object is a table, view, sequence or function, or everything in a schema.
type Object struct {
	Schema string
	// Name is "" for everything in the schema, including objects created later.
	Name string
}

var (
	label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	// identifier matches names that PostgreSQL reads the same with and without quotes.
	identifier = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
)

// defaultSchema is the schema of an object named without one.
const defaultSchema = "public"

// ParseObject reads "orders" (in the schema public), "shop.orders" or "shop.*". A
// function is named without its arguments. The engine's own schema and PostgreSQL's
// are refused.
func ParseObject(text string) (Object, error) {
	schema, name, qualified := strings.Cut(text, ".")
	if !qualified {
		schema, name = defaultSchema, text
	}
	if !identifier.MatchString(schema) || name != "*" && !identifier.MatchString(name) {
		return Object{}, fmt.Errorf("%q is not name, schema.name or schema.* in lower-case letters, digits and _", text)
	}
	if schema == "scalestack" || schema == "information_schema" || strings.HasPrefix(schema, "pg_") {
		return Object{}, fmt.Errorf("%q is in a schema of the system: every service may read what it needs there", text)
	}
	if name == "*" {
		name = ""
	}
	return Object{Schema: schema, Name: name}, nil
}

// Privilege is what a role may do with an object.
type Privilege string

// Read and Write apply to tables, views and sequences, Execute to functions. Write
// includes Read.
const (
	Read    Privilege = "read"
	Write   Privilege = "write"
	Execute Privilege = "execute"
)

// Grant is what a role may do with an object.
type Grant struct {
	Object
	Privilege Privilege
}

type list struct {
	privilege Privilege
	names     []string
}

func (s Service) lists() []list {
	return []list{{Read, s.Read}, {Write, s.Write}, {Execute, s.Execute}}
}

// Grants returns what the service may do, without duplicates.
func (s Service) Grants() ([]Grant, error) {
	var grants []Grant
	known := map[Grant]bool{}
	for _, list := range s.lists() {
		for _, name := range list.names {
			object, err := ParseObject(name)
			if err != nil {
				return nil, err
			}
			grant := Grant{object, list.privilege}
			if !known[grant] {
				grants = append(grants, grant)
			}
			known[grant] = true
		}
	}
	return grants, nil
}
