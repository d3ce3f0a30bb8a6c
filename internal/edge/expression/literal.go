package expression

import (
	"net/netip"
	"strconv"
	"strings"
)

// constant is a literal of an expression. A range of integers or of addresses
// is only possible in a set.
type constant struct {
	at   int
	kind kind
	value
	// last ends a range of integers, lastIP one of addresses.
	ranged bool
	last   int64
	lastIP netip.Addr
}

func parseNumber(t token) (*constant, error) {
	c := &constant{at: t.position, kind: integer}
	first, last, ranged := strings.Cut(t.value, "..")
	if !ranged {
		last = first
	}
	c.ranged = ranged
	var err, errLast error
	c.num, err = strconv.ParseInt(first, 10, 64)
	c.last, errLast = strconv.ParseInt(last, 10, 64)
	if err == nil && errLast == nil {
		return c, c.ordered(c.num <= c.last)
	}
	return c, c.parseAddress(t, first, last)
}

func (c *constant) parseAddress(t token, first, last string) error {
	c.kind = address
	if network, err := netip.ParsePrefix(first); err == nil && !c.ranged {
		c.ranged = true
		c.ip, c.lastIP = network.Masked().Addr(), lastOf(network)
		return nil
	}
	var err, errLast error
	c.ip, err = netip.ParseAddr(first)
	c.lastIP, errLast = netip.ParseAddr(last)
	if err != nil || errLast != nil || c.ip.Zone() != "" || c.lastIP.Zone() != "" || c.ip.Is4() != c.lastIP.Is4() {
		return problem(t.position, "%s is neither an integer nor an address nor a range of them", t.value)
	}
	return c.ordered(c.ip.Compare(c.lastIP) <= 0)
}

func (c *constant) ordered(right bool) error {
	if right {
		return nil
	}
	return problem(c.at, "the range ends before it begins")
}

func lastOf(network netip.Prefix) netip.Addr {
	raw := network.Masked().Addr().AsSlice()
	for bit := network.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(raw)
	return last
}

func (c *constant) holds(v value) bool {
	switch c.kind {
	case str:
		return v.text == c.text
	case integer:
		return c.num <= v.num && v.num <= c.last
	default:
		return v.ip.BitLen() == c.ip.BitLen() && c.ip.Compare(v.ip) <= 0 && v.ip.Compare(c.lastIP) <= 0
	}
}

func (c *constant) position() int { return c.at }

func (c *constant) compile() (compiled, error) {
	if c.ranged {
		return compiled{}, problem(c.at, "%s is a range, which only a set { } can hold", c)
	}
	v := c.value
	return compiled{kind: c.kind, literal: true, eval: func(*Request) (value, bool) { return v, true }}, nil
}

func (c *constant) String() string {
	switch {
	case c.kind == boolean:
		return strconv.FormatBool(c.truth)
	case c.kind == str:
		return quote(c.text)
	case c.kind == integer && c.ranged:
		return strconv.FormatInt(c.num, 10) + ".." + strconv.FormatInt(c.last, 10)
	case c.kind == integer:
		return strconv.FormatInt(c.num, 10)
	case c.ranged:
		return c.ip.String() + ".." + c.lastIP.String()
	default:
		return c.ip.String()
	}
}
