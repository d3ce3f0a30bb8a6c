package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/auth"
	"github.com/scalestack/scalestack/services/users/internal/ratelimit"
)

// Access decides who may do what, and how often. The zero Access admits nobody.
type Access struct {
	// Verifier identifies the bearer of a token.
	Verifier interface {
		Verify(ctx context.Context, token string) (auth.Caller, error)
	}
	// Public lets everybody do everything without a token. It excludes Verifier.
	Public bool
	// Limiter limits the requests of each caller; nil sets no limit.
	Limiter *ratelimit.Limiter
	// AddressHeader is the header in which the gateway passes the client's address, ""
	// to use the address of the connection. It distinguishes callers without a token.
	AddressHeader string
}

// permission reports whether a caller may do what a request asks for. The id is that
// of the path, 0 where there is none.
type permission func(c auth.Caller, id int64) bool

var (
	mayRead   permission = auth.Caller.MayRead
	mayWrite  permission = auth.Caller.MayWrite
	mayCreate permission = func(c auth.Caller, _ int64) bool { return c.MayCreate() }
)

type callerKey struct{}

// caller is who sent the request, as guard has found out.
func caller(r *http.Request) auth.Caller {
	c, _ := r.Context().Value(callerKey{}).(auth.Caller)
	return c
}

// guarded is handle for operations that not everybody may use. A caller that asks too
// often is told so whatever it asks for, and a caller without permission learns nothing
// about the object.
func (a *API) guarded(method, route string, may permission, handler http.HandlerFunc) {
	a.handle(method, route, func(w http.ResponseWriter, r *http.Request) {
		who, wrong := a.identify(r)
		if wrong != nil {
			wrong.write(w)
			return
		}
		if wait := a.wait(who, r); wait > 0 {
			tooOften(wait).write(w)
			return
		}
		var id int64
		if r.PathValue("id") != "" {
			var malformed *problem
			if id, malformed = userID(r); malformed != nil {
				malformed.write(w)
				return
			}
		}
		if !may(who, id) {
			forbidden("the token does not allow this").write(w)
			return
		}
		handler(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

// identify finds out who sent the request.
func (a *API) identify(r *http.Request) (auth.Caller, *denial) {
	access := a.options.Access
	if access.Public {
		return auth.Public(), nil
	}
	token, ok := bearer(r)
	if !ok {
		return auth.Caller{}, unauthorized("", "send one header Authorization with a Bearer token")
	}
	if access.Verifier == nil {
		return auth.Caller{}, unverifiable()
	}
	who, err := access.Verifier.Verify(r.Context(), token)
	switch {
	case errors.Is(err, auth.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return auth.Caller{}, unverifiable()
	case err != nil:
		// The reason is for the log: it would help whoever makes tokens up.
		a.options.Log.Info("refused a token", "method", r.Method, "path", r.URL.Path, "reason", err.Error())
		return auth.Caller{}, unauthorized("invalid_token", "the token is not valid")
	}
	return who, nil
}

// bearer returns the token of a request that has exactly one.
func bearer(r *http.Request) (token string, ok bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// wait counts the request of its caller, see [ratelimit.Limiter.Wait].
func (a *API) wait(who auth.Caller, r *http.Request) time.Duration {
	limiter := a.options.Access.Limiter
	if limiter == nil {
		return 0
	}
	name := who.Name()
	if name == "" {
		name = a.address(r)
	}
	return limiter.Wait(name)
}

// networkBits are of an IPv6 address that one client has to itself.
const networkBits = 64

// address tells clients without a token apart. A header that is not an address, or
// is there twice, counts as none: then all who send one share the connection's limit.
func (a *API) address(r *http.Request) string {
	text, _, _ := strings.Cut(r.RemoteAddr, "%")
	if connection, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		text = connection.Addr().WithZone("").String()
	}
	if header := a.options.Access.AddressHeader; header != "" {
		if values := r.Header.Values(header); len(values) == 1 {
			text = values[0]
		}
	}
	client, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	if client = client.Unmap(); client.Is6() {
		return netip.PrefixFrom(client, networkBits).Masked().String()
	}
	return client.String()
}

// denial is a problem with headers that say what to do about it.
type denial struct {
	*problem
	header, value string
}

func (d *denial) write(w http.ResponseWriter) {
	w.Header().Set(d.header, d.value)
	d.problem.write(w)
}

// unauthorized is as RFC 6750 has it: no error code where there was no token.
func unauthorized(code, detail string) *denial {
	challenge := "Bearer"
	if code != "" {
		challenge += ` error="` + code + `"`
	}
	return &denial{newProblem(http.StatusUnauthorized, detail), "WWW-Authenticate", challenge}
}

func forbidden(detail string) *denial {
	return &denial{newProblem(http.StatusForbidden, detail), "WWW-Authenticate", `Bearer error="insufficient_scope"`}
}

func unverifiable() *denial {
	return &denial{newProblem(http.StatusServiceUnavailable, "tokens cannot be verified now"), "Retry-After", strconv.Itoa(int(retryAfter.Seconds()))}
}

func tooOften(wait time.Duration) *denial {
	return &denial{newProblem(http.StatusTooManyRequests, "too many requests from this caller"), "Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds())))}
}
