package rule

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Unknown is a computed value: a preview knows that it exists, not what it is.
type Unknown struct{}

// Secret is a value that must not be shown.
type Secret struct{ Value any }

// Node is a value somewhere in a resource. Walking never fails: a missing value is
// absent, and everything below an unknown value is unknown.
type Node struct {
	value  any
	path   string
	secret bool
	// part is true in a Patch: what it leaves out is the object's, and unknown.
	part bool
}

// NewNode returns the node of a value in the form that JSON decodes to, with Unknown
// and Secret anywhere in it.
func NewNode(value any) Node { return Node{}.child("", value) }

func (n Node) child(step string, value any) Node {
	next := Node{value: value, path: n.path + step, secret: n.secret, part: n.part}
	for {
		hidden, ok := next.value.(Secret)
		if !ok {
			return next
		}
		next.value, next.secret = hidden.Value, true
	}
}

// At walks down by the keys of objects.
func (n Node) At(keys ...string) Node {
	for _, key := range keys {
		var value any
		switch object := n.value.(type) {
		case Unknown:
			value = object
		case map[string]any:
			value = n.field(object, key)
		}
		n = n.child(step(n.path, key), value)
		n.part = n.part && !Whole(key)
	}
	return n
}

// field is unknown where a Patch leaves it out. Its name and namespace say which object it
// is for, and are whole.
func (n Node) field(object map[string]any, key string) any {
	value, stated := object[key]
	identity := n.path == "metadata" && (key == "name" || key == "namespace")
	if n.part && !stated && !identity {
		return Unknown{}
	}
	return value
}

func step(path, key string) string {
	switch {
	case !plain(key):
		return fmt.Sprintf("[%q]", key)
	case path == "":
		return key
	}
	return "." + key
}

func plain(key string) bool {
	return !slices.ContainsFunc([]rune(key), func(r rune) bool {
		return r == '.' || r == '/' || r == '"' || r == '[' || r == ' '
	})
}

// IsList is true for a list that is known.
func (n Node) IsList() bool { _, ok := n.value.([]any); return ok }

// Items returns the values of a list, and none for anything else.
func (n Node) Items() []Node {
	list, _ := n.value.([]any)
	items := make([]Node, len(list))
	part := n.part && allMerged(lastKey(n.path), list)
	for i, value := range list {
		items[i] = n.child(fmt.Sprintf("[%d]", i), value)
		items[i].part = part
	}
	return items
}

// Keys returns the keys of an object, sorted.
func (n Node) Keys() []string {
	object, _ := n.value.(map[string]any)
	return slices.Sorted(maps.Keys(object))
}

// Path returns the node's path in its resource, for example spec.ports[0].
func (n Node) Path() string { return n.path }

// Known is false for a computed value.
func (n Node) Known() bool { _, unknown := n.value.(Unknown); return !unknown }

// Absent is true for a value that is known not to be set.
func (n Node) Absent() bool { return n.value == nil }

// Set is true for a value that is known to be set.
func (n Node) Set() bool { return n.Known() && !n.Absent() }

// Secret is true for what Pulumi keeps encrypted.
func (n Node) Secret() bool { return n.secret }

// Text returns the string, "" for anything else.
func (n Node) Text() string { text, _ := n.value.(string); return text }

// IsText is true for a string that is known.
func (n Node) IsText() bool { _, ok := n.value.(string); return ok }

// Number returns the integer, if it is one.
func (n Node) Number() (int, bool) {
	switch number := n.value.(type) {
	case float64:
		return int(number), number == float64(int(number))
	case int:
		return number, true
	}
	return 0, false
}

// Integer is Number, but also accepts a string of digits, possibly surrounded by
// spaces: Kafka's settings are either.
func (n Node) Integer() (int, bool) {
	if number, ok := n.Number(); ok {
		return number, true
	}
	number, err := strconv.Atoi(strings.TrimSpace(n.Text()))
	return number, err == nil
}

// Block walks down like At, and through lists of one: a provider bridged from Terraform
// takes an object and a list of one object for the same block.
func (n Node) Block(keys ...string) Node {
	for _, key := range keys {
		n = n.only().At(key)
	}
	return n.only()
}

func (n Node) only() Node {
	if items := n.Items(); len(items) == 1 {
		return items[0]
	}
	return n
}

// Truth returns the boolean, or that of a string: bridged providers take "false" for
// false.
func (n Node) Truth() (value, ok bool) {
	if value, ok := n.value.(bool); ok {
		return value, true
	}
	value, err := strconv.ParseBool(n.Text())
	return value, err == nil
}

// True is false for anything but the boolean true.
func (n Node) True() bool { return n.value == true }

// False is not the same as absent.
func (n Node) False() bool { return n.value == false }

// IsObject is true for an object that is known.
func (n Node) IsObject() bool { _, ok := n.value.(map[string]any); return ok }

// Texts are the strings of a list; known is false where it or an item is computed.
func (n Node) Texts() (texts []string, known bool) {
	known = n.Known()
	for _, item := range n.Items() {
		if item.IsText() {
			texts = append(texts, item.Text())
		}
		known = known && item.Known()
	}
	return texts, known
}

// String shows the value in a message. Of a secret it shows only that it is one.
func (n Node) String() string {
	switch {
	case !n.Known():
		return "not known yet"
	case n.secret:
		return "[secret]"
	case n.Absent():
		return "not set"
	}
	text, err := json.Marshal(n.value)
	if err != nil || len(text) > 120 {
		return fmt.Sprintf("a value of %d bytes", len(text))
	}
	return string(text)
}
