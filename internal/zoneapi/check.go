package zoneapi

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"time"
)

const (
	// TokenVariable has the token.
	TokenVariable = "CLOUDFLARE_API_TOKEN"
	// DefaultAPI is Cloudflare's.
	DefaultAPI = "https://api.cloudflare.com/client/v4"
)

var (
	zoneForm  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	tokenForm = regexp.MustCompile(`^[\x21-\x7e]*$`)
)

// Mistakes gathers what is wrong with a command's flags, so that all of it is said at
// once.
type Mistakes struct{ list []error }

// Addf records one mistake in a flag or variable.
func (m *Mistakes) Addf(flag, format string, args ...any) {
	m.list = append(m.list, fmt.Errorf("%s: "+format, append([]any{flag}, args...)...))
}

// Err joins them, with a line for each.
func (m *Mistakes) Err() error { return errors.Join(m.list...) }

// CheckZone refuses what is no zone's id.
func (o Options) CheckZone(errs *Mistakes) {
	if !zoneForm.MatchString(o.Zone) {
		errs.Addf("--zone", "%q is not 32 hexadecimal digits", o.Zone)
	}
}

// CheckToken never quotes the token. Permission is the one that it needs.
func (o Options) CheckToken(errs *Mistakes, permission string) {
	switch {
	case o.Token == "":
		errs.Addf(TokenVariable, "is not set; make an API token with the permission %s for the zone", permission)
	case !tokenForm.MatchString(o.Token):
		errs.Addf(TokenVariable, "holds a space, a line break or a character beyond ASCII")
	}
}

// CheckTimeout bounds how long a command may try.
func CheckTimeout(errs *Mistakes, timeout time.Duration) {
	if timeout < time.Second || timeout > time.Hour {
		errs.Addf("--timeout", "%s is not between 1s and 1h", timeout)
	}
}

// CheckAPI keeps the token from travelling in clear.
func (o Options) CheckAPI(errs *Mistakes) {
	u, err := url.Parse(o.API)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https":
		errs.Addf("--api", "%q is not a base URL such as %s", o.API, DefaultAPI)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		errs.Addf("--api", "%q would send the token unencrypted, http is for this machine only", o.API)
	}
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
