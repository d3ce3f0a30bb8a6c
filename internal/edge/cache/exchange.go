package cache

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/policy"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// exchange is one visitor's request for something that may be cached.
type exchange struct {
	edge     *Edge
	in       *http.Request
	request  *expression.Request
	settings *rules.Settings
	key      string
	// led is true for the one of several equal requests that asks the origin.
	led bool
	// private is the origin's answer to this visitor alone, and verdict why.
	private *http.Response
	verdict policy.Verdict
}

// outcome is what several equal requests may share.
type outcome struct {
	// entry is nil when nothing may be shared.
	entry  *entry
	status policy.Status
}

func (x *exchange) serve(w http.ResponseWriter) {
	now, found := x.edge.Now(), x.edge.store.get(x.key)
	switch {
	case found == nil:
		x.ask(w, nil)
	case found.age(now) < found.Fresh:
		x.answer(w, found, policy.Hit)
	case found.usable(now, found.WhileRevalidating):
		x.refresh(found)
		x.answer(w, found, policy.Updating)
	default:
		x.ask(w, found)
	}
}

// refresh asks the origin while the visitor already has the old copy.
func (x *exchange) refresh(old *entry) {
	background := *x
	background.in = x.in.Clone(x.in.Context())
	go func() {
		x.edge.flights.Do(background.key, func() (any, error) { return background.lead(old) })
		background.close()
	}()
}

// ask gets the object from the origin. Equal requests at the same time wait
// for one answer, and share it only if it may be kept.
func (x *exchange) ask(w http.ResponseWriter, old *entry) {
	defer x.close()
	shared, err, _ := x.edge.flights.Do(x.key, func() (any, error) { return x.lead(old) })
	if err == nil && shared.(outcome).entry == nil && !x.led {
		shared, err = x.lead(old)
	}
	if err != nil {
		x.fail(w, old, err)
		return
	}
	got := shared.(outcome)
	switch {
	case got.entry == nil:
		x.relay(w)
	case !x.led && (got.status == policy.Miss || got.status == policy.Expired):
		x.answer(w, got.entry, policy.Hit)
	default:
		x.answer(w, got.entry, got.status)
	}
}

// fail serves an old copy if there is one that may stand in.
func (x *exchange) fail(w http.ResponseWriter, old *entry, err error) {
	if old.standsIn(x.edge.Now()) {
		x.answer(w, old, policy.Stale)
		return
	}
	w.Header().Set(statusHeader, string(policy.Miss))
	x.edge.unreachable(w, err)
}

func (x *exchange) close() {
	if x.private != nil {
		x.private.Body.Close()
	}
}

// lead asks the origin and keeps what it may.
func (x *exchange) lead(old *entry) (outcome, error) {
	x.led = true
	now, generation := x.edge.Now(), x.edge.store.now()
	if n := x.edge.store.get(x.key); n != nil && n != old && n.age(now) < n.Fresh {
		return outcome{n, policy.Hit}, nil
	}
	response, err := x.fetch(old)
	if err != nil {
		return outcome{}, err
	}
	switch {
	case response.StatusCode == http.StatusNotModified && old != nil:
		response.Body.Close()
		if n := x.renew(old, response.Header, generation); n != nil {
			return outcome{n, policy.Revalidated}, nil
		}
		if response, err = x.fetch(nil); err != nil {
			return outcome{}, err
		}
	case isFailure(response.StatusCode) && old.standsIn(now):
		response.Body.Close()
		return outcome{old, policy.Stale}, nil
	}
	return x.take(old, response, generation)
}

// standsIn reports whether an old copy may answer for an origin that cannot. A
// kept failure is no help.
func (n *entry) standsIn(now time.Time) bool {
	return n != nil && !isFailure(n.status) && n.usable(now, n.IfError)
}

// isFailure tells the statuses for which RFC 5861 allows an old copy.
func isFailure(status int) bool {
	return status == http.StatusInternalServerError || status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout
}

// renew keeps an old copy for longer. It returns nil if the origin's new
// headers forbid that: the copy was for everyone and may no longer be.
func (x *exchange) renew(old *entry, header http.Header, generation uint64) *entry {
	status := old.status
	if _, found := x.settings.EdgeTTL.For(http.StatusNotModified); found {
		status = http.StatusNotModified
	}
	now := x.edge.Now()
	v := policy.Judge(x.request, x.settings, status, old.merged(header), now)
	if !v.Store {
		x.edge.store.remove(x.key)
		return nil
	}
	fresh := old.renewed(header, v, now)
	x.edge.store.put(fresh, generation)
	return fresh
}

// take keeps a whole answer, or leaves it to this visitor alone.
func (x *exchange) take(old *entry, response *http.Response, generation uint64) (outcome, error) {
	x.verdict = policy.Judge(x.request, x.settings, response.StatusCode, response.Header, x.edge.Now())
	if !x.verdict.Store {
		if old != nil && !isFailure(response.StatusCode) {
			x.edge.store.remove(x.key)
		}
		x.private = response
		return outcome{}, nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, x.edge.MaxObject+1))
	if err != nil {
		response.Body.Close()
		return outcome{}, err
	}
	if int64(len(body)) > x.edge.MaxObject {
		x.verdict.Status, x.verdict.Reason = policy.Bypassed, "the object is larger than the edge keeps"
		response.Body = &rest{Reader: io.MultiReader(bytes.NewReader(body), response.Body), Closer: response.Body}
		x.private = response
		return outcome{}, nil
	}
	response.Body.Close()
	n := x.newEntry(response, body, x.verdict)
	x.edge.store.put(n, generation)
	if old != nil {
		return outcome{n, policy.Expired}, nil
	}
	return outcome{n, policy.Miss}, nil
}

// rest is a body whose beginning was read already.
type rest struct {
	io.Reader
	io.Closer
}

// lastModified is what a visitor's conditional request is compared with.
// Without validators of the origin it is when the object was kept (page
// "Revalidation", Smart revalidation towards users).
func (n *entry) lastModified() time.Time {
	if modified, err := http.ParseTime(n.header.Get("Last-Modified")); err == nil {
		return modified
	}
	if n.header.Get("Etag") == "" {
		return n.stored
	}
	return time.Time{}
}
