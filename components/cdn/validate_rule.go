package cdn

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

var (
	ref       = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	extension = regexp.MustCompile(`^[a-z0-9]{1,12}$`)
	parameter = regexp.MustCompile(`^[A-Za-z0-9_.~-]{1,64}$`)
	printable = regexp.MustCompile(`^[\x21-\x7e]+$`)
)

// Check reports what is wrong with the rule on every plan and in both modes.
func (r *Rule) Check(path *field.Path) field.ErrorList {
	return slices.Concat(r.checkRef(path.Child("ref")), r.checkMatch(path))
}

func (r *Rule) checkRef(path *field.Path) field.ErrorList {
	switch {
	case r.Ref == "":
		return nil // required, and reported
	case !ref.MatchString(r.Ref):
		return field.ErrorList{field.Invalid(path, settings.Short(r.Ref), "must be 1 to 40 of a-z, 0-9 and '-'")}
	case strings.HasPrefix(r.Ref, bypassRef):
		return field.ErrorList{field.Invalid(path, r.Ref, "must not begin with "+bypassRef+", which the built-in rules use")}
	}
	return nil
}

func (r *Rule) checkMatch(path *field.Path) field.ErrorList {
	if r.Path == "" && len(r.Extensions) == 0 {
		return field.ErrorList{field.Required(path, "path, extensions or both")}
	}
	var errs field.ErrorList
	if problem := pathProblem(r.Path); r.Path != "" && problem != "" {
		errs = append(errs, field.Invalid(path.Child("path"), settings.Short(r.Path), problem))
	}
	for i, e := range r.Extensions {
		if !extension.MatchString(e) {
			errs = append(errs, field.Invalid(path.Child("extensions").Index(i), settings.Short(e), "must be 1 to 12 of a-z and 0-9, without the dot"))
		}
	}
	return errs
}

func pathProblem(path string) string {
	literal := strings.TrimSuffix(path, "*")
	switch {
	case !strings.HasPrefix(path, "/") || !printable.MatchString(path) || strings.ContainsAny(literal, "*?#"):
		return "must be a path such as /static/* or /favicon.ico"
	case path == "/*":
		return "must name a folder: this would cache every page of every user"
	case literal != path && !strings.HasSuffix(literal, "/"):
		return "must have a / before the *"
	}
	return unseen(literal, seen(literal))
}

// Check holds the names against the mode.
func (q Query) Check(path *field.Path) field.ErrorList {
	names := path.Child("names")
	switch {
	case q.named() && len(q.Names) == 0:
		return field.ErrorList{field.Required(names, "mode "+q.Mode+" needs at least one")}
	case (q.Mode == QueryAll || q.Mode == QueryIgnore) && len(q.Names) > 0:
		return field.ErrorList{field.Forbidden(names, "only modes include and exclude take names")}
	case len(q.Names) > maxNames:
		return field.ErrorList{field.TooMany(names, len(q.Names), maxNames)}
	}
	var errs field.ErrorList
	for i, name := range q.Names {
		if !parameter.MatchString(name) {
			errs = append(errs, field.Invalid(names.Index(i), settings.Short(name), "must be a parameter name: 1 to 64 letters, digits, '_', '.', '~' and '-'"))
		}
	}
	return errs
}

// named reports whether the query's mode takes names.
func (q Query) named() bool { return q.Mode == QueryInclude || q.Mode == QueryExclude }

// Check refuses a range that ends before it begins.
func (s StatusTTL) Check(path *field.Path) field.ErrorList {
	if s.From < 100 || s.To < 100 || s.To >= s.From {
		return nil // a code out of range is reported
	}
	return field.ErrorList{field.Invalid(path.Child("to"), s.To, fmt.Sprintf("must be at least %d, it is below from", s.From))}
}
