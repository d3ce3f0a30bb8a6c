package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/scalestack/scalestack/internal/edge/expression"
)

const (
	ratePhase   = "http_ratelimit"
	blockAction = "block"
)

// Limit is a rate limiting rule: it blocks an address with too many requests that
// match.
type Limit struct {
	Ref, Description string
	Enabled          bool
	When             *expression.Expression
	// Requests of one address that pass in a Period; one more blocks it for Timeout.
	Requests        int
	Period, Timeout time.Duration
}

// rateLimit is a rule's block ratelimit, named as in the Pulumi SDK.
type rateLimit struct {
	Characteristics   []string `json:"characteristics"`
	Period            int      `json:"period"`
	RequestsPerPeriod int      `json:"requestsPerPeriod"`
	MitigationTimeout int      `json:"mitigationTimeout"`
}

func compileLimit(raw json.RawMessage) (*Limit, error) {
	var r struct {
		common
		RateLimit rateLimit `json:"ratelimit"`
	}
	if err := decodeStrict(raw, &r); err != nil {
		return nil, err
	}
	if r.Action != blockAction {
		return nil, fmt.Errorf("action %q is not %s, the only one that is evaluated in phase %s", r.Action, blockAction, ratePhase)
	}
	if err := r.RateLimit.check(); err != nil {
		return nil, fmt.Errorf("ratelimit.%w", err)
	}
	when, err := r.when()
	if err != nil {
		return nil, err
	}
	return &Limit{
		Ref: r.Ref, Description: r.Description, Enabled: r.enabled(), When: when,
		Requests: r.RateLimit.RequestsPerPeriod,
		Period:   time.Duration(r.RateLimit.Period) * time.Second,
		Timeout:  time.Duration(r.RateLimit.MitigationTimeout) * time.Second,
	}, nil
}

// check refuses what one edge in one place cannot count.
func (l *rateLimit) check() error {
	slices.Sort(l.Characteristics)
	if !slices.Equal(l.Characteristics, []string{"cf.colo.id", "ip.src"}) {
		return fmt.Errorf("characteristics: %q are not cf.colo.id and ip.src", l.Characteristics)
	}
	for name, value := range map[string]int{
		"period": l.Period, "requestsPerPeriod": l.RequestsPerPeriod, "mitigationTimeout": l.MitigationTimeout,
	} {
		if value < 1 {
			return fmt.Errorf("%s: %d is not at least 1", name, value)
		}
	}
	return nil
}
