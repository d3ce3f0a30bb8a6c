package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/scalestack/scalestack/internal/manifest"
)

// mostNames is what one call takes by the API's reference; the page "Purge
// cache" allows 100 meanwhile.
const mostNames = 30

// What Cloudflare takes at most: slashes of a prefix and characters of a tag.
const (
	mostSeparators = 31
	mostTag        = 1024
)

// options are the flags and the token.
type options struct {
	zone, token, api      string
	prefixes, tags, files []string
	before, after         string
	hosts                 []string
	dryRun                bool
	timeout               time.Duration
}

// call is one request: names of one kind, as the API calls it.
type call struct {
	kind  string
	names []string
}

var (
	zoneForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	pathForm = regexp.MustCompile(`^[\x21-\x7e]*$`)
	tagForm  = regexp.MustCompile(`^[\x21-\x2b\x2d-\x7e]+$`)
)

// plan checks everything and returns the calls to make.
func (o *options) plan() ([]call, error) {
	errs := &mistakes{}
	o.check(errs)
	prefixes := slices.Concat(o.prefixes, o.changed(errs))
	if err := errs.err(); err != nil {
		return nil, err
	}
	var calls []call
	for _, kind := range []call{{"prefixes", prefixes}, {"tags", o.tags}, {"files", o.files}} {
		slices.Sort(kind.names)
		for names := range slices.Chunk(slices.Compact(kind.names), mostNames) {
			calls = append(calls, call{kind.kind, names})
		}
	}
	return calls, nil
}

func (o *options) check(errs *mistakes) {
	if !zoneForm.MatchString(o.zone) {
		errs.addf("--zone", "%q is not 32 hexadecimal digits", o.zone)
	}
	if o.timeout < time.Second || o.timeout > time.Hour {
		errs.addf("--timeout", "%s is not between 1s and 1h", o.timeout)
	}
	o.checkAPI(errs)
	if !o.dryRun {
		o.checkToken(errs)
	}
	for _, p := range o.prefixes {
		checkPrefix(errs, p)
	}
	for _, t := range o.tags {
		if len(t) > mostTag || !tagForm.MatchString(t) {
			errs.addf("--tag", "%q is not 1 to 1024 printable characters without space and comma", t)
		}
	}
	for _, f := range o.files {
		u, err := url.Parse(f)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			errs.addf("--file", "%q is not a URL such as https://www.example.com/static/app.css", f)
		}
	}
	if len(o.prefixes)+len(o.tags)+len(o.files) == 0 && o.before == "" && o.after == "" {
		errs.addf("purge", "nothing is named, give --prefix, --tag, --file or --before and --after")
	}
}

// checkToken never quotes the token.
func (o *options) checkToken(errs *mistakes) {
	switch {
	case o.token == "":
		errs.addf(tokenVariable, "is not set; make an API token with the permission Cache Purge for the zone")
	case !pathForm.MatchString(o.token):
		errs.addf(tokenVariable, "holds a space, a line break or a character beyond ASCII")
	}
}

// checkAPI keeps the token from travelling in the clear.
func (o *options) checkAPI(errs *mistakes) {
	u, err := url.Parse(o.api)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https":
		errs.addf("--api", "%q is not a base URL such as https://api.cloudflare.com/client/v4", o.api)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		errs.addf("--api", "%q would send the token unencrypted, http is for this machine only", o.api)
	}
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

func checkPrefix(errs *mistakes, prefix string) {
	host, path, _ := strings.Cut(prefix, "/")
	switch {
	case !hostForm.MatchString(host) || !pathForm.MatchString(path) || strings.ContainsAny(path, "?#*"):
		errs.addf("--prefix", "%q is not a host and a path such as www.example.com/static", prefix)
	case strings.Count(prefix, "/") > mostSeparators:
		errs.addf("--prefix", "%q has more than %d slashes", prefix, mostSeparators)
	}
}

// changed returns what differs between the manifests as prefixes: one that is a
// file's whole path covers all its query strings, which a file's URL does not.
func (o *options) changed(errs *mistakes) []string {
	if o.before == "" && o.after == "" {
		if len(o.hosts) > 0 {
			errs.addf("--host", "%d given, only --before and --after use it", len(o.hosts))
		}
		return nil
	}
	if len(o.hosts) == 0 {
		errs.addf("--host", "is required with --before and --after")
	}
	for _, h := range o.hosts {
		if !hostForm.MatchString(h) {
			errs.addf("--host", "%q is not a host name", h)
		}
	}
	before, after := read(errs, "--before", o.before), read(errs, "--after", o.after)
	if before == nil || after == nil {
		return nil
	}
	var prefixes []string
	for _, path := range manifest.Stale(before, after) {
		for _, host := range o.hosts {
			prefixes = append(prefixes, host+path)
		}
	}
	return prefixes
}

func read(errs *mistakes, flag, name string) *manifest.Manifest {
	if name == "" {
		errs.addf(flag, "is required, a comparison takes --before and --after")
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		errs.addf(flag, "%v", err)
		return nil
	}
	defer file.Close()
	m, err := manifest.Read(file)
	if err != nil {
		errs.addf(flag, "%v", fmt.Errorf("%s: %w", name, err))
		return nil
	}
	return m
}
