package router

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestNoMapNoRouter(t *testing.T) {
	_, err := New(Options{MapFile: filepath.Join(t.TempDir(), "map.json")})
	require.ErrorContains(t, err, "map.json: no such file or directory")
}

// What an error says about the effect of a statement decides whether a write is
// repeated, so every kind is named.
func TestEffectOfErrors(t *testing.T) {
	answered := func(code string) *attemptError { return &attemptError{sent: true, err: &pgconn.PgError{Code: code}} }
	internal := func(message string) *attemptError {
		return &attemptError{sent: true, err: &pgconn.PgError{Code: "XX000", Message: message}}
	}
	tests := map[string]struct {
		err                            *attemptError
		effect, transient, unavailable bool
	}{
		"no connection":        {&attemptError{err: errors.New("refused")}, false, false, true},
		"lost connection":      {&attemptError{sent: true, lost: true, err: errors.New("EOF")}, true, false, true},
		"server shut down":     {&attemptError{sent: true, lost: true, err: &pgconn.PgError{Code: "57P01"}}, true, false, true},
		"lost by a pooler":     {answered("08P01"), true, false, true},
		"statement timeout":    {answered("57014"), false, false, true},
		"serialization":        {answered("40001"), false, true, true},
		"deadlock":             {answered("40P01"), false, true, true},
		"publication dropped":  {internal("cache lookup failed for publication 16402"), false, true, true},
		"internal error":       {internal("cache lookup failed for relation 16402"), false, false, false},
		"moved":                {answered("SS001"), false, false, true},
		"disk full":            {answered("53100"), false, false, true},
		"standby":              {answered("25006"), false, false, true},
		"permission":           {answered("42501"), false, false, false},
		"our mistake, no code": {&attemptError{sent: true, err: errors.New("cannot scan")}, true, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.effect, test.err.hasEffect())
			require.Equal(t, test.transient, test.err.isTransient())
			require.Equal(t, test.unavailable, test.err.isUnavailable())
		})
	}
}
