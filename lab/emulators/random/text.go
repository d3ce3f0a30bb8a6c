package random

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
	"golang.org/x/crypto/bcrypt"
)

// class is one kind of characters that a password or string is made of.
type class struct {
	flag, min, chars string
}

var classes = []class{
	{"lower", "minLower", "abcdefghijklmnopqrstuvwxyz"},
	{"upper", "minUpper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
	{"numeric", "minNumeric", "0123456789"},
	{"special", "minSpecial", "!@#$%&*()-_=+[]{}<>:?"},
}

func textFields() provider.Fields {
	fields := provider.Fields{
		"length":          {Kind: provider.Int, Required: true, AtLeast: 1, AtMost: maxLength},
		"overrideSpecial": {Kind: provider.String},
		"number":          {Kind: provider.Bool, Assigned: true},
		"keepers":         keepers,
		"result":          {Kind: provider.String, Computed: true},
	}
	for _, c := range classes {
		fields[c.flag] = provider.Field{Kind: provider.Bool, Default: true}
		fields[c.min] = provider.Field{Kind: provider.Int, Default: 0, AtMost: maxLength}
	}
	numeric := fields["numeric"]
	numeric.Default, numeric.Assigned = nil, true
	fields["numeric"] = numeric
	return fields
}

func text() provider.Resource {
	return provider.Resource{
		Fields: textFields(),
		Check:  checkText,
		Plan:   planNumeric,
		Create: func(in property.Map) (string, property.Map, error) {
			in, err := withNumeric(in)
			if err != nil {
				return "", property.Map{}, err
			}
			result, err := generate(in)
			return result, set(in, map[string]any{"result": result}), err
		},
		Read: importer(func(id string) (string, property.Map, error) {
			return id, importedText(id), nil
		}),
	}
}

func password() provider.Resource {
	fields := textFields()
	fields["result"] = provider.Field{Kind: provider.String, Computed: true, Secret: true}
	fields["bcryptHash"] = fields["result"]
	return provider.Resource{
		Fields: fields,
		Check:  checkText,
		Plan:   planNumeric,
		Create: func(in property.Map) (string, property.Map, error) {
			in, err := withNumeric(in)
			if err != nil {
				return "", property.Map{}, err
			}
			result, err := generate(in)
			if err != nil {
				return "", property.Map{}, err
			}
			state, err := withHash(in, result)
			if err != nil {
				return "", property.Map{}, err
			}
			return "none", state, nil
		},
		Read: importer(func(id string) (string, property.Map, error) {
			state, err := withHash(importedText(id), id)
			return "none", state, err
		}),
	}
}

// withNumeric fills in `numeric` and its deprecated name `number`, which are one
// setting: true unless either says otherwise. The plugin finds a conflict only
// when it creates.
func withNumeric(in property.Map) (property.Map, error) {
	number, numeric := in.Get("number"), in.Get("numeric")
	if number.IsBool() && numeric.IsBool() && number.AsBool() != numeric.AsBool() {
		return in, fmt.Errorf("numeric is %v and number %v; they are one setting, and number is deprecated", numeric.AsBool(), number.AsBool())
	}
	if number.IsNull() && numeric.IsNull() {
		return set(in, map[string]any{"number": true, "numeric": true}), nil
	}
	return planNumeric(in), nil
}

// planNumeric gives both names the value of the one that is set.
func planNumeric(in property.Map) property.Map {
	number, numeric := in.Get("number"), in.Get("numeric")
	switch {
	case number.IsNull() && !numeric.IsNull():
		return in.Set("number", numeric)
	case numeric.IsNull() && !number.IsNull():
		return in.Set("numeric", number)
	}
	return in
}

func checkText(in property.Map) []provider.Failure {
	in, err := withNumeric(in)
	if err != nil {
		return nil
	}
	atLeast, some := 0, false
	for _, c := range classes {
		if in.Get(c.flag).IsComputed() || in.Get(c.min).IsComputed() || in.Get("length").IsComputed() {
			return nil
		}
		atLeast += intOf(in, c.min)
		some = some || in.Get(c.flag).AsBool() || intOf(in, c.min) > 0
	}
	var found []provider.Failure
	if length := intOf(in, "length"); length < atLeast {
		found = append(found, provider.Failf("length",
			"%d is not at least %d, the sum of minLower, minUpper, minNumeric and minSpecial", length, atLeast))
	}
	if !some {
		found = append(found, provider.Failf("lower", "at least one of lower, upper, numeric and special must be true"))
	}
	return found
}

// generate makes a string that has what each class demands at random places, and
// characters of all enabled classes elsewhere.
func generate(in property.Map) (string, error) {
	var result []byte
	var all string
	for _, c := range classes {
		chars := c.chars
		if own := in.Get("overrideSpecial"); c.flag == "special" && own.IsString() && own.AsString() != "" {
			chars = own.AsString()
		}
		if in.Get(c.flag).AsBool() {
			all += chars
		}
		part, err := pick(chars, intOf(in, c.min))
		if err != nil {
			return "", err
		}
		result = append(result, part...)
	}
	if missing := intOf(in, "length") - len(result); missing > 0 {
		rest, err := pick(all, missing)
		if err != nil {
			return "", err
		}
		result = append(result, rest...)
	}
	for i := len(result) - 1; i > 0; i-- {
		j, err := below(int64(i + 1))
		if err != nil {
			return "", err
		}
		result[i], result[j] = result[j], result[i]
	}
	return string(result), nil
}

func pick(chars string, count int) ([]byte, error) {
	if count > 0 && chars == "" {
		return nil, fmt.Errorf("length asks for %d characters more than the enabled classes give", count)
	}
	picked := make([]byte, count)
	for i := range picked {
		n, err := below(int64(len(chars)))
		if err != nil {
			return nil, err
		}
		picked[i] = chars[n]
	}
	return picked, nil
}

// withHash completes a password's state. bcrypt takes no more than 72 bytes.
func withHash(in property.Map, result string) (property.Map, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(result)[:min(len(result), 72)], bcrypt.DefaultCost)
	if err != nil {
		return property.Map{}, fmt.Errorf("hashing the password: %w", err)
	}
	return set(in, map[string]any{"result": result, "bcryptHash": string(hash)}), nil
}

// importedText is the state of a string that was made elsewhere.
func importedText(result string) property.Map {
	state := set(property.Map{}, map[string]any{
		"result": result, "length": len(result), "number": true,
	})
	for _, c := range classes {
		state = set(state, map[string]any{c.flag: true, c.min: 0})
	}
	return state
}
