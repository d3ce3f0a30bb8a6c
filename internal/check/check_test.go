package check

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNoMistakeIsNoError(t *testing.T) {
	var errs Errors
	errs.Range("a", 1, 1, 1)
	errs.OneOf("b", "x", "x", "y")
	errs.Required("c", "set")
	errs.Merge("d", nil)
	require.NoError(t, errs.Err())
}

func TestEveryMistakeIsReportedSortedByPath(t *testing.T) {
	var errs Errors
	errs.Required("name", "")
	errs.Range("count", 7, 1, 6)
	errs.OneOf("color", "red", "blue", "green")
	errs.Addf("alpha", "%s is wrong", "it")
	require.EqualError(t, errs.Err(),
		"alpha: it is wrong\n"+
			"color: \"red\" is not one of blue, green\n"+
			"count: 7 is not between 1 and 6\n"+
			"name: is required")
}

func TestMistakesOfOnePathKeepTheirOrder(t *testing.T) {
	var errs Errors
	errs.Addf("a", "second letter")
	errs.Addf("a", "first letter")
	require.EqualError(t, errs.Err(), "a: second letter\na: first letter")
}

func TestMergePutsThePrefixBeforeEachPath(t *testing.T) {
	var inner, outer Errors
	inner.Range("shards", 0, 1, 960)
	inner.Addf("", "is empty")
	outer.Merge("scalestack:postgres", inner.Err())
	outer.Merge("", &Error{Path: "plain", Problem: "kept"})
	outer.Merge("other", errors.New("no path of its own"))
	outer.Merge("wrapped", fmt.Errorf("context: %w", &Error{Path: "x", Problem: "y"}))
	require.EqualError(t, outer.Err(),
		"other: no path of its own\n"+
			"plain: kept\n"+
			"scalestack:postgres: is empty\n"+
			"scalestack:postgres.shards: 0 is not between 1 and 960\n"+
			"wrapped.x: y")
}

func TestErrorsCanBeTakenApart(t *testing.T) {
	var errs Errors
	errs.Required("a", "")
	var one *Error
	require.ErrorAs(t, errs.Err(), &one)
	require.Equal(t, "a", one.Path)
}
