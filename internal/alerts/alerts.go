package alerts

import (
	"fmt"
	"strings"
)

// Severity says what an alert asks of people.
type Severity string

const (
	// Critical wakes somebody: users are hurt, or soon will be.
	Critical Severity = "critical"
	// Warning waits for working hours.
	Warning Severity = "warning"
)

// Rule is one alert.
type Rule struct {
	// Name of the alert, which is that of its runbook's file in lower case with '-'.
	Name string
	// Expr is PromQL that has a result while the alert holds.
	Expr string
	// For is how long it must hold, such as "5m".
	For string
	// Severity of the alert.
	Severity Severity
	// Summary is one line, Description what to do first. Both may use {{ $labels.… }} and
	// {{ $value }}.
	Summary, Description string
}

// Runbook is the name of the rule's page.
func (r Rule) Runbook() string {
	var page strings.Builder
	for i, letter := range r.Name {
		if i > 0 && letter >= 'A' && letter <= 'Z' {
			page.WriteByte('-')
		}
		page.WriteRune(letter)
	}
	return strings.ToLower(page.String()) + ".md"
}

// Group is a set of rules that are evaluated together.
type Group struct {
	Name  string
	Rules []Rule
}

// Options are the figures that differ between products.
type Options struct {
	// Runbooks is the address that a runbook's file name is appended to, with a slash at
	// its end.
	Runbooks string
	// DiskHours is how long before a disk is full the alert comes: 1 to 720.
	DiskHours int
	// CertificateDays is how many days before a certificate of the shards or the cache
	// expires the alert fires: 1 to 90. It must be less than the time before expiry at
	// which certificates are renewed.
	CertificateDays int
	// ConnectionsPercent of a shard's connections, 1 to 100, is near its budget.
	ConnectionsPercent int
	// ErrorPercent of the requests that fail, 0 to 100, is too many.
	ErrorPercent float64
	// EdgePercent of the requests for a path, 0 to 100, is what the edge is to answer from
	// its cache.
	EdgePercent float64
	// Lag is how many events a consumer group may be behind without an alert; at least 1.
	Lag int
	// GoneHours is for how long a series that has ended is missed: 1 to 168.
	GoneHours int
}

// Defaults are figures to begin with.
func Defaults() Options {
	return Options{
		Runbooks:  "https://github.com/scalestack/scalestack/blob/main/docs/runbooks/",
		DiskHours: 24, CertificateDays: 14, ConnectionsPercent: 85, ErrorPercent: 1, EdgePercent: 85, Lag: 1000, GoneHours: 24,
	}
}

// Check returns every mistake in the options.
func (o Options) Check() []error {
	var errs []error
	refuse := func(wrong bool, name string, value any, allowed string) {
		if wrong {
			errs = append(errs, fmt.Errorf("%s: %v is not %s", name, value, allowed))
		}
	}
	refuse(!strings.HasSuffix(o.Runbooks, "/") || !strings.Contains(o.Runbooks, "://"), "runbooks", fmt.Sprintf("%q", o.Runbooks), "a URL that ends in /")
	refuse(o.DiskHours < 1 || o.DiskHours > 720, "disk-hours", o.DiskHours, "between 1 and 720")
	refuse(o.CertificateDays < 1 || o.CertificateDays > 90, "certificate-days", o.CertificateDays, "between 1 and 90")
	refuse(o.ConnectionsPercent < 1 || o.ConnectionsPercent > 100, "connections-percent", o.ConnectionsPercent, "between 1 and 100")
	refuse(!(o.ErrorPercent >= 0 && o.ErrorPercent <= 100), "error-percent", o.ErrorPercent, "between 0 and 100")
	refuse(!(o.EdgePercent >= 0 && o.EdgePercent <= 100), "edge-percent", o.EdgePercent, "between 0 and 100")
	refuse(o.Lag < 1, "lag", o.Lag, "at least 1")
	refuse(o.GoneHours < 1 || o.GoneHours > 168, "gone-hours", o.GoneHours, "between 1 and 168")
	return errs
}

// Groups are all alerts.
func Groups(o Options) []Group {
	return []Group{
		{"scalestack-shards", shards(o)},
		{"scalestack-servers", ofStacks(servers(), o.GoneHours)},
		{"scalestack-moves", moves()},
		{"scalestack-service", service(o)},
		{"scalestack-events", ofStacks(events(o), o.GoneHours)},
		{"scalestack-edge", edge(o)},
		{"scalestack-cluster", ofStacks(cluster(o), o.GoneHours)},
	}
}
