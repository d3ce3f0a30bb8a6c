package policy

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pquerna/cachecontrol/cacheobject"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// Status is a value of the header cf-cache-status (page "Cloudflare cache
// responses").
type Status string

// The statuses.
const (
	Hit         Status = "HIT"
	Miss        Status = "MISS"
	Expired     Status = "EXPIRED"
	Stale       Status = "STALE"
	Revalidated Status = "REVALIDATED"
	Updating    Status = "UPDATING"
	Bypassed    Status = "BYPASS"
	Dynamic     Status = "DYNAMIC"
)

// FromCache reports whether the body came from the cache: Cloudflare's page
// describes these four as served from it.
func (s Status) FromCache() bool {
	return s == Hit || s == Stale || s == Updating || s == Revalidated
}

// Forever stands for a stale response that may be served without a limit.
const Forever = time.Duration(1<<63 - 1)

// Verdict says what may be done with a response of the origin.
type Verdict struct {
	// Store is false when nothing may be kept; Status is then what the visitor
	// gets, and Reason says why.
	Store  bool
	Status Status
	Reason string
	// Fresh is how long the response needs no question to the origin. 0 asks
	// each time.
	Fresh time.Duration
	// WhileRevalidating and IfError are how long after that the response may be
	// served while the origin is asked, or cannot answer.
	WhileRevalidating, IfError time.Duration
	// Drop names headers that must not reach another visitor.
	Drop []string
	// Explicit says that a rule set the lifetime and the origin's was ignored.
	Explicit bool
}

// response is what the decision is made from.
type response struct {
	request  *expression.Request
	settings *rules.Settings
	status   int
	header   http.Header
	control  *cacheobject.ResponseCacheDirectives
	// controlled says that a Cache-Control header of some kind is present.
	controlled bool
	now        time.Time
}

// Judge decides on a complete response to a GET request that was Eligible.
func Judge(r *expression.Request, s *rules.Settings, status int, header http.Header, now time.Time) Verdict {
	control, controlled, err := directives(header)
	if err != nil {
		return no(Bypassed, "Cache-Control cannot be read: %s", err)
	}
	return (&response{request: r, settings: s, status: status, header: header,
		control: control, controlled: controlled, now: now}).judge()
}

func no(status Status, format string, args ...any) Verdict {
	return Verdict{Status: status, Reason: fmt.Sprintf(format, args...)}
}

// directives reads the most specific of the headers that speak to this cache
// (page "CDN-Cache-Control").
func directives(header http.Header) (*cacheobject.ResponseCacheDirectives, bool, error) {
	for _, name := range []string{"Cloudflare-Cdn-Cache-Control", "Cdn-Cache-Control", "Cache-Control"} {
		if values := header.Values(name); len(values) > 0 {
			control, err := cacheobject.ParseResponseCacheControl(strings.Join(values, ", "))
			return control, true, err
		}
	}
	control, err := cacheobject.ParseResponseCacheControl("")
	return control, false, err
}

func (r *response) judge() Verdict {
	if reason := r.unusable(); reason != "" {
		return no(Bypassed, "%s", reason)
	}
	fresh, explicit, refused := r.lifetime()
	if refused != nil {
		return *refused
	}
	if refused := r.personal(explicit); refused != nil {
		return *refused
	}
	v := Verdict{Store: true, Status: Miss, Fresh: fresh, Explicit: explicit, Drop: r.drop(explicit)}
	v.WhileRevalidating, v.IfError = r.stale()
	return v
}

// unusable finds what no rule can make cacheable here.
func (r *response) unusable() string {
	for _, value := range r.header.Values("Vary") {
		if strings.Contains(value, "*") {
			return "Vary is *"
		}
	}
	switch encoding := r.header.Get("Content-Encoding"); {
	case encoding != "" && encoding != "gzip" && encoding != "identity":
		return "the origin answered with the encoding " + encoding + ", which it was not asked for"
	case r.status == http.StatusPartialContent:
		return "the origin answered with a part"
	}
	return ""
}

// lifetime is how long the response is fresh, and whether a rule said so.
func (r *response) lifetime() (time.Duration, bool, *Verdict) {
	if value, found := r.settings.EdgeTTL.For(r.status); found {
		if value < 0 {
			return r.refuse(Bypassed, "the rule keeps nothing with status %d", r.status)
		}
		return seconds(value), true, nil
	}
	if t := r.settings.EdgeTTL; t != nil && t.Mode == rules.OverrideOrigin {
		if _, cached := defaultTTL(r.status); !cached {
			return r.refuse(Miss, "status %d is not cached by default", r.status)
		}
		return seconds(*t.Default), true, nil
	}
	return r.originLifetime()
}

func (r *response) refuse(status Status, format string, args ...any) (time.Duration, bool, *Verdict) {
	v := no(status, format, args...)
	return 0, false, &v
}

// personal refuses what belongs to one visitor.
func (r *response) personal(explicit bool) *Verdict {
	strict, byRule := r.settings.StrictOrigin(), r.settings.Eligibility == rules.Eligible
	refuse := func(status Status, reason string) *Verdict { v := no(status, "%s", reason); return &v }
	c := r.control
	if r.header.Get("Set-Cookie") != "" && !explicit {
		if byRule {
			return refuse(Miss, "the origin sets a cookie and no rule sets an edge TTL")
		}
		if strict {
			return refuse(Bypassed, "the origin sets a cookie")
		}
	}
	if r.request.Header.Get("Authorization") != "" && strict && !explicit &&
		!c.Public && !c.MustRevalidate && c.SMaxAge < 0 {
		return refuse(Bypassed, "the request has Authorization and the origin says neither public, must-revalidate nor s-maxage")
	}
	if k := r.settings.CacheKey; k != nil && k.CacheDeceptionArmor && !explicit && c.MaxAge < 0 && c.SMaxAge < 0 {
		if reason := Mismatch(r.request.Extension(), r.header.Get("Content-Type")); reason != "" {
			return refuse(Bypassed, "Cache Deception Armor: "+reason)
		}
	}
	return nil
}

// drop names the headers of one visitor that a shared copy must not have.
func (r *response) drop(explicit bool) []string {
	var names []string
	if r.header.Get("Set-Cookie") != "" {
		names = append(names, "Set-Cookie")
	}
	if !explicit {
		for name := range r.control.Private {
			names = append(names, name)
		}
	}
	return names
}

func seconds[T int | cacheobject.DeltaSeconds](n T) time.Duration {
	return time.Duration(n) * time.Second
}
