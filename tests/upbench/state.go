package upbench

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// State is what a stack's last update has left, as pulumi stack export --show-secrets
// writes it.
type State struct {
	Deployment struct {
		Resources []Resource `json:"resources"`
	} `json:"deployment"`
}

// Resource is one of a stack.
type Resource struct {
	URN          string         `json:"urn"`
	Type         string         `json:"type"`
	Custom       bool           `json:"custom"`
	Inputs       map[string]any `json:"inputs"`
	Dependencies []string       `json:"dependencies"`
}

// Objects is a List of the stack's Kubernetes objects as the program described them, in the
// order in which they were made.
func (s State) Objects() ([]byte, int, error) {
	var items []any
	for _, r := range s.Deployment.Resources {
		if !r.Custom || !strings.HasPrefix(r.Type, "kubernetes:") {
			continue
		}
		object, err := open(r.Inputs)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", r.URN, err)
		}
		described := object.(map[string]any)
		maps.DeleteFunc(described, func(key string, _ any) bool { return strings.HasPrefix(key, "__") })
		items = append(items, described)
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	return text, len(items), err
}

// Pulumi marks what is not plain JSON with a key of its own, whose value says what it is.
const (
	markKey    = "4dabf18193072939515e22adb298388d"
	secretMark = "1b47061264138c4ac30d75fd1eb44270"
)

// open returns a value with its secrets in plain text.
func open(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		if mark, marked := v[markKey]; marked {
			return openSecret(v, mark)
		}
		opened := map[string]any{}
		for key, item := range v {
			var err error
			if opened[key], err = open(item); err != nil {
				return nil, err
			}
		}
		return opened, nil
	case []any:
		opened := make([]any, len(v))
		for i, item := range v {
			var err error
			if opened[i], err = open(item); err != nil {
				return nil, err
			}
		}
		return opened, nil
	}
	return value, nil
}

func openSecret(marked map[string]any, mark any) (any, error) {
	text, plain := marked["plaintext"].(string)
	if mark != secretMark || !plain {
		return nil, fmt.Errorf("a value with the mark %v is no secret in plain text", mark)
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return nil, fmt.Errorf("a secret: %w", err)
	}
	return open(value)
}
