package shardmap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxEncodedSize is the largest encoded map that Decode reads: the size limit of a
// ConfigMap.
const MaxEncodedSize = 1 << 20

var errNull = errors.New("is null")

// Decode reads a map that Encode wrote. It is strict: every field must be present
// exactly once, with its exact name and type, nothing may follow the map, and the map
// must be valid. The error holds all mistakes, each an *Error with its path.
func Decode(data []byte) (*Map, error) {
	var errs mistakes
	if len(data) > MaxEncodedSize {
		errs.addf("map", "%d bytes are not at most %d", len(data), MaxEncodedSize)
		return nil, errs.err()
	}
	if err := syntax(data); err != nil {
		errs.addf("map", "is not one JSON document: %v", err)
		return nil, errs.err()
	}
	m := decodeMap(data, &errs)
	if err := errs.err(); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// syntax checks for well-formed JSON, so that the rest can rely on it.
func syntax(data []byte) error {
	var document json.RawMessage
	return json.Unmarshal(data, &document)
}

func decodeMap(data []byte, errs *mistakes) *Map {
	m := &Map{}
	object(data, "", errs, map[string]handler{
		"format":        into(&m.Format, "a whole number", errs),
		"cluster":       into(&m.Cluster, "a string", errs),
		"generation":    into(&m.Generation, "a whole number", errs),
		"buckets":       into(&m.Buckets, "a whole number", errs),
		"initialShards": into(&m.InitialShards, "a whole number", errs),
		"shards": list(MaxShards, errs, func(element json.RawMessage, path string) {
			m.Shards = append(m.Shards, decodeShard(element, path, errs))
		}),
		"assignment": func(value json.RawMessage, path string) { m.Assignment = decodeAssignment(value, path, errs) },
	})
	return m
}

func decodeShard(data json.RawMessage, path string, errs *mistakes) Shard {
	var s Shard
	object(data, path, errs, map[string]handler{
		"id":       into(&s.ID, "a whole number", errs),
		"name":     into(&s.Name, "a string", errs),
		"host":     into(&s.Host, "a string", errs),
		"port":     into(&s.Port, "a whole number", errs),
		"database": into(&s.Database, "a string", errs),
	})
	return s
}

// decodeAssignment lists the first wrong entries and counts the others, so that one
// damaged map does not write 16384 lines to a log.
func decodeAssignment(value json.RawMessage, path string, errs *mistakes) []int {
	const listed = 10
	var assignment []int
	wrong := 0
	list(MaxBuckets, errs, func(element json.RawMessage, path string) {
		var owner int
		if err := decodeValue(element, &owner); err != nil {
			if wrong++; wrong <= listed {
				errs.addf(path, "%s is not a whole number", shorten(element))
			}
		}
		assignment = append(assignment, owner)
	})(value, path)
	if wrong > listed {
		errs.addf(path, "%d more entries are not whole numbers", wrong-listed)
	}
	return assignment
}

// handler takes the value found at a path.
type handler func(value json.RawMessage, path string)

// into decodes one value.
func into[T any](target *T, kind string, errs *mistakes) handler {
	return func(value json.RawMessage, path string) {
		if decodeValue(value, target) != nil {
			errs.addf(path, "%s is not %s", shorten(value), kind)
		}
	}
}

// list passes every element and its path to each.
func list(limit int, errs *mistakes, each handler) handler {
	return func(value json.RawMessage, path string) {
		var elements []json.RawMessage
		if decodeValue(value, &elements) != nil {
			errs.addf(path, "%s is not a list", shorten(value))
			return
		}
		if len(elements) > limit {
			errs.addf(path, "%d entries are not at most %d", len(elements), limit)
			return
		}
		for i, element := range elements {
			each(element, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

// object passes each field's value to its handler and reports fields that are unknown,
// duplicate or missing. encoding/json alone would take the last of two equal names, and
// accept a name in another case.
func object(data json.RawMessage, path string, errs *mistakes, fields map[string]handler) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		errs.addf(orMap(path), "%s is not an object", shorten(data))
		return
	}
	seen := make(map[string]bool, len(fields))
	for dec.More() {
		name, value, err := field(dec)
		if err != nil {
			errs.addf(orMap(path), "is not well-formed: %v", err)
			return
		}
		handle, known := fields[name]
		switch {
		case !known:
			errs.addf(join(path, name), "is not a field of the map")
		case seen[name]:
			errs.addf(join(path, name), "is there twice")
		default:
			handle(value, join(path, name))
		}
		seen[name] = true
	}
	missing(path, errs, fields, seen)
}

func field(dec *json.Decoder) (name string, value json.RawMessage, err error) {
	token, err := dec.Token()
	if err != nil {
		return "", nil, err
	}
	name, isName := token.(string)
	if !isName {
		return "", nil, io.ErrUnexpectedEOF
	}
	return name, value, dec.Decode(&value)
}

func missing(path string, errs *mistakes, fields map[string]handler, seen map[string]bool) {
	var names []string
	for name := range fields {
		if !seen[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		errs.addf(join(path, name), "is required")
	}
}

// decodeValue refuses null, which encoding/json silently ignores.
func decodeValue(value json.RawMessage, target any) error {
	if string(bytes.TrimSpace(value)) == "null" {
		return errNull
	}
	return json.Unmarshal(value, target)
}

// shorten keeps a message readable when the wrong value is a whole document.
func shorten(value json.RawMessage) string {
	const limit = 40
	text := string(bytes.TrimSpace(value))
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func orMap(path string) string {
	if path == "" {
		return "map"
	}
	return path
}
