package expression

import (
	"net/netip"
	"strconv"
	"strings"
)

// node is a part of the tree.
type node interface {
	position() int
	// compile checks the types below and returns what computes the value.
	compile() (compiled, error)
	String() string
}

// kind is a type of the language. Lists of a type have its number plus list.
type kind int

const (
	boolean kind = iota + 1
	str
	integer
	address
	// strMap holds a list of strings for each key.
	strMap
	list kind = 100
)

func listOf(k kind) kind { return list + k }

func (k kind) String() string {
	names := map[kind]string{boolean: "a boolean", str: "a string", integer: "an integer", address: "an IP address", strMap: "a map"}
	switch {
	case k > list+list:
		return "a list of lists"
	case k > list:
		return "a list"
	}
	return names[k]
}

// value is a value of any type; its kind says which part counts.
type value struct {
	truth bool
	num   int64
	text  string
	ip    netip.Addr
	items []value
	pairs func(key string) []string
}

// evaluator returns false when the request lacks the value.
type evaluator func(*Request) (value, bool)

type compiled struct {
	kind kind
	eval evaluator
	// each says that [*] unpacked the list: what encloses it runs for every item.
	each bool
	// test, where it is set, is eval for a boolean that is never missing.
	test func(*Request) bool
	// literal values cannot be the source of some functions.
	literal bool
}

type logical struct {
	at          int
	operator    string
	left, right node
}

func (l *logical) position() int { return l.at }

func (l *logical) String() string {
	return "(" + l.left.String() + " " + l.operator + " " + l.right.String() + ")"
}

type negation struct {
	at    int
	inner node
}

func (n *negation) position() int { return n.at }

// String groups: a comparison after what is negated would otherwise take in
// less than the tree says.
func (n *negation) String() string { return "(not " + n.inner.String() + ")" }

type comparison struct {
	at       int
	operator string
	left     node
	right    *constant
}

func (c *comparison) position() int { return c.at }

func (c *comparison) String() string {
	return "(" + c.left.String() + " " + c.operator + " " + c.right.String() + ")"
}

type membership struct {
	at   int
	left node
	set  []*constant
}

func (m *membership) position() int { return m.at }

func (m *membership) String() string {
	values := make([]string, len(m.set))
	for i, c := range m.set {
		values[i] = c.String()
	}
	return "(" + m.left.String() + " in {" + strings.Join(values, " ") + "})"
}

type field struct {
	at   int
	name string
}

func (f *field) position() int { return f.at }

func (f *field) String() string { return f.name }

type call struct {
	at        int
	name      string
	arguments []node
}

func (c *call) position() int { return c.at }

func (c *call) String() string {
	arguments := make([]string, len(c.arguments))
	for i, a := range c.arguments {
		arguments[i] = a.String()
	}
	return c.name + "(" + strings.Join(arguments, ", ") + ")"
}

type index struct {
	at      int
	inner   node
	key     string
	numeric bool
}

func (i *index) position() int { return i.at }

func (i *index) String() string {
	if i.numeric {
		return i.inner.String() + "[" + i.key + "]"
	}
	return i.inner.String() + "[" + quote(i.key) + "]"
}

func (i *index) number() int {
	n, _ := strconv.Atoi(i.key)
	return n
}

type unpack struct {
	at    int
	inner node
}

func (u *unpack) position() int { return u.at }

func (u *unpack) String() string { return u.inner.String() + "[*]" }
