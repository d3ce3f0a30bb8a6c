// Package replay runs an access log through cache rules, with the log's own times and
// as fast as it can be read, to find out how much the edge would have answered.
//
// What a log does not contain is assumed, and the report says so: one edge with one
// cache, and an origin that sends the same Cache-Control with everything.
package replay

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Line is one request of a log in common or combined format.
type Line struct {
	Time time.Time
	// Client is the visitor as the log names it, Visitor its address if that is one.
	Client         string
	Visitor        netip.Addr
	User           string
	Method, Target string
	Status         int
	Bytes          int64
	Referer, Agent string
}

const timeForm = "02/Jan/2006:15:04:05 -0700"

// Parser reads lines. It remembers the last time that it parsed: neighbours
// share a second.
type Parser struct {
	text string
	time time.Time
}

// Parse reads `host ident user [time] "request" status bytes "referer"
// "agent"`, where the last two may be absent and more may follow.
func (p *Parser) Parse(text string) (Line, error) {
	var l Line
	before, rest, found := strings.Cut(text, " [")
	if !found {
		return l, errors.New("no [time]")
	}
	names := strings.SplitN(before, " ", 3)
	if len(names) != 3 {
		return l, errors.New("no host, identity and user before [time]")
	}
	l.Client, l.User = names[0], names[2]
	// A log may hold names in place of addresses; no cache rule needs them.
	l.Visitor, _ = netip.ParseAddr(names[0])
	stamp, rest, found := strings.Cut(rest, "] ")
	if !found {
		return l, errors.New("[time] does not end")
	}
	var err error
	if l.Time, err = p.parseTime(stamp); err != nil {
		return l, errors.New("[" + stamp + "] is not a time such as [02/Jan/2006:15:04:05 -0700]")
	}
	request, rest, err := quoted(rest)
	if err != nil {
		return l, err
	}
	if err := l.parseRequest(request); err != nil {
		return l, err
	}
	if rest, err = l.parseResult(rest); err != nil {
		return l, err
	}
	l.Referer, rest, err = quoted(rest)
	if err == nil {
		l.Agent, _, _ = quoted(rest)
	}
	return l, nil
}

func (p *Parser) parseTime(text string) (time.Time, error) {
	if text == p.text {
		return p.time, nil
	}
	t, err := time.Parse(timeForm, text)
	if err == nil {
		p.text, p.time = strings.Clone(text), t
	}
	return t, err
}

// quoted reads a string that servers end at the first quote which no
// backslash escapes.
func quoted(text string) (content, rest string, err error) {
	text = strings.TrimPrefix(text, " ")
	if text == "" || text[0] != '"' {
		return "", text, errors.New("no quoted request")
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:], nil
		}
	}
	return "", "", errors.New("a quote does not end")
}

func (l *Line) parseRequest(request string) error {
	method, rest, found := strings.Cut(request, " ")
	if !found || method == "" {
		return errors.New("the request has no path")
	}
	target, protocol, _ := cutLast(rest, " ")
	if !strings.HasPrefix(protocol, "HTTP/") {
		target = rest
	}
	if !strings.HasPrefix(target, "/") && target != "*" {
		return errors.New("the request's target is not a path")
	}
	l.Method, l.Target = method, target
	return nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}

func (l *Line) parseResult(text string) (string, error) {
	status, rest, _ := strings.Cut(strings.TrimPrefix(text, " "), " ")
	size, rest, _ := strings.Cut(rest, " ")
	var err error
	if l.Status, err = strconv.Atoi(status); err != nil || l.Status < 100 || l.Status > 999 {
		return rest, errors.New("no status after the request")
	}
	if size == "-" {
		return rest, nil
	}
	if l.Bytes, err = strconv.ParseInt(size, 10, 64); err != nil || l.Bytes < 0 {
		return rest, errors.New("no size after the status")
	}
	return rest, nil
}
