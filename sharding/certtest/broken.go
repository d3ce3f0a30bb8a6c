package certtest

import (
	"strings"
	"time"
)

// Secret is the input of a server: its certificate and key, and what its clients trust,
// as PEM.
type Secret struct {
	Pair
	Trusted []byte
}

// Broken returns Secrets that a server of this name must refuse, by what is wrong with
// them.
func (a *Authority) Broken(name string) map[string]Secret {
	a.t.Helper()
	good, other := a.Issue(time.Hour, name), a.Issue(time.Hour, name)
	label, _, _ := strings.Cut(name, ".")
	nonsense := []byte("hello")
	return map[string]Secret{
		"another's key":      {Pair{good.Certificate, other.Key}, a.Certificate},
		"no key":             {Pair{good.Certificate, nil}, a.Certificate},
		"no authority":       {good, nil},
		"no certificate":     {Pair{nonsense, good.Key}, a.Certificate},
		"a key of nonsense":  {Pair{good.Certificate, nonsense}, a.Certificate},
		"another's name":     {a.Issue(time.Hour, "elsewhere"+strings.TrimPrefix(name, label)), a.Certificate},
		"an expired one":     {a.Issue(-time.Hour, name), a.Certificate},
		"another's signer":   {good, NewAuthority(a.t, "foreign").Certificate},
		"authority nonsense": {good, nonsense},
	}
}
