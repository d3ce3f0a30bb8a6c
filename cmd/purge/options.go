package main

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/scalestack/scalestack/internal/manifest"
	"github.com/scalestack/scalestack/internal/zoneapi"
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
	zoneapi.Options
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
	hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	pathForm = regexp.MustCompile(`^[\x21-\x7e]*$`)
	tagForm  = regexp.MustCompile(`^[\x21-\x2b\x2d-\x7e]+$`)
)

// plan checks everything and returns the calls to make.
func (o *options) plan() ([]call, error) {
	errs := &zoneapi.Mistakes{}
	o.check(errs)
	prefixes := slices.Concat(o.prefixes, o.changed(errs))
	if err := errs.Err(); err != nil {
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

func (o *options) check(errs *zoneapi.Mistakes) {
	o.CheckZone(errs)
	zoneapi.CheckTimeout(errs, o.timeout)
	o.CheckAPI(errs)
	if !o.dryRun {
		o.CheckToken(errs, permission)
	}
	for _, p := range o.prefixes {
		checkPrefix(errs, p)
	}
	for _, t := range o.tags {
		if len(t) > mostTag || !tagForm.MatchString(t) {
			errs.Addf("--tag", "%q is not 1 to 1024 printable characters without space and comma", t)
		}
	}
	for _, f := range o.files {
		u, err := url.Parse(f)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			errs.Addf("--file", "%q is not a URL such as https://www.example.com/static/app.css", f)
		}
	}
	if len(o.prefixes)+len(o.tags)+len(o.files) == 0 && o.before == "" && o.after == "" {
		errs.Addf("purge", "nothing is named, give --prefix, --tag, --file or --before and --after")
	}
}

func checkPrefix(errs *zoneapi.Mistakes, prefix string) {
	host, path, _ := strings.Cut(prefix, "/")
	switch {
	case !hostForm.MatchString(host) || !pathForm.MatchString(path) || strings.ContainsAny(path, "?#*"):
		errs.Addf("--prefix", "%q is not a host and a path such as www.example.com/static", prefix)
	case strings.Count(prefix, "/") > mostSeparators:
		errs.Addf("--prefix", "%q has more than %d slashes", prefix, mostSeparators)
	}
}

// changed returns what differs between the manifests as prefixes: one that is a
// file's whole path covers all its query strings, which a file's URL does not.
func (o *options) changed(errs *zoneapi.Mistakes) []string {
	if o.before == "" && o.after == "" {
		if len(o.hosts) > 0 {
			errs.Addf("--host", "%d given, only --before and --after use it", len(o.hosts))
		}
		return nil
	}
	if len(o.hosts) == 0 {
		errs.Addf("--host", "is required with --before and --after")
	}
	for _, h := range o.hosts {
		if !hostForm.MatchString(h) {
			errs.Addf("--host", "%q is not a host name", h)
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

func read(errs *zoneapi.Mistakes, flag, name string) *manifest.Manifest {
	if name == "" {
		errs.Addf(flag, "is required, a comparison takes --before and --after")
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		errs.Addf(flag, "%v", err)
		return nil
	}
	defer file.Close()
	m, err := manifest.Read(file)
	if err != nil {
		errs.Addf(flag, "%v", fmt.Errorf("%s: %w", name, err))
		return nil
	}
	return m
}
