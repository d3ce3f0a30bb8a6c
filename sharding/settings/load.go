package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"
)

// load fills a pointer to a struct whose fields may already hold defaults. The error
// holds every mistake, each with the variable, the given value and the allowed ones. An
// empty variable counts as not set.
func load[T any](s *T, environ []string) (*T, error) {
	given := env.ToMap(slices.DeleteFunc(slices.Clone(environ), func(pair string) bool { return strings.HasSuffix(pair, "=") }))
	fields := fieldsOf(s)
	var mistakes []error
	failed := map[string]bool{}
	parsing := env.ParseWithOptions(s, env.Options{Environment: given,
		FuncMap: map[reflect.Type]env.ParserFunc{reflect.TypeFor[slog.Level](): parseLevel}})
	var all env.AggregateError
	if errors.As(parsing, &all) {
		for _, err := range all.Errors {
			variable, mistake := explainParsing(fields, given, err)
			failed[variable] = true
			mistakes = append(mistakes, mistake)
		}
	}
	var invalid validator.ValidationErrors
	if errors.As(check.Struct(s), &invalid) {
		for _, one := range invalid {
			if variable, _, _ := strings.Cut(one.Field(), "["); !failed[variable] {
				failed[variable] = true
				mistakes = append(mistakes, fmt.Errorf("%s: %s", variable, explain(fields[variable], one)))
			}
		}
	}
	// Rules between settings mean nothing while one of them is wrong.
	if related, ok := any(s).(interface{ Mistakes() []error }); ok && mistakes == nil {
		mistakes = related.Mistakes()
	}
	return s, errors.Join(mistakes...)
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

func parseLevel(text string) (any, error) {
	level, known := levels[text]
	if !known {
		return nil, errors.New("not a level")
	}
	return level, nil
}

// explainParsing finds the variable whose value does not fit its field's type. The
// library names the Go field, which is unique among the settings of one command.
func explainParsing(fields map[string]Field, given map[string]string, err error) (variable string, mistake error) {
	var parse env.ParseError
	if errors.As(err, &parse) {
		for name, f := range fields {
			if f.goName == parse.Name {
				return name, fmt.Errorf("%s: %q is not %s", name, given[name], f.kind())
			}
		}
	}
	return "", err
}
