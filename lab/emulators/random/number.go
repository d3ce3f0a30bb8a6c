package random

import (
	"fmt"
	"hash/crc64"
	"math"
	"math/rand"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

func integer() provider.Resource {
	bound := provider.Field{Kind: provider.Int, Required: true, AtLeast: math.MinInt32, AtMost: math.MaxInt32}
	return provider.Resource{
		Fields: provider.Fields{
			"min": bound, "max": bound,
			"seed":    {Kind: provider.String},
			"keepers": keepers,
			"result":  {Kind: provider.Int, Computed: true},
		},
		Create: func(in property.Map) (string, property.Map, error) {
			low, high := intOf(in, "min"), intOf(in, "max")
			if low > high {
				return "", property.Map{}, fmt.Errorf("min: %d is not at most max, %d", low, high)
			}
			result := low + source(in).Intn(high-low+1)
			return strconv.Itoa(result), set(in, map[string]any{"result": result}), nil
		},
		Read: importer(importInteger),
	}
}

// importInteger reads `<result>,<min>,<max>` and perhaps `,<seed>`.
func importInteger(id string) (string, property.Map, error) {
	parts := strings.Split(id, ",")
	if len(parts) != 3 && len(parts) != 4 {
		return "", property.Map{}, fmt.Errorf("importing a RandomInteger: %q is not result,min,max[,seed]", id)
	}
	state := property.Map{}
	for i, name := range []string{"result", "min", "max"} {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return "", property.Map{}, fmt.Errorf("importing a RandomInteger: %s: %w", name, err)
		}
		state = set(state, map[string]any{name: n})
	}
	if len(parts) == 4 {
		state = set(state, map[string]any{"seed": parts[3]})
	}
	return parts[0], state, nil
}

func shuffle() provider.Resource {
	texts := provider.Field{Kind: provider.List, Elem: &provider.Field{Kind: provider.String}}
	inputs, results := texts, texts
	inputs.Required, results.Computed = true, true
	return provider.Resource{
		Fields: provider.Fields{
			"inputs":      inputs,
			"resultCount": {Kind: provider.Int, AtMost: maxLength},
			"seed":        {Kind: provider.String},
			"keepers":     keepers,
			"results":     results,
		},
		Create: func(in property.Map) (string, property.Map, error) {
			inputs := in.Get("inputs").AsArray().AsSlice()
			count := len(inputs)
			if v := in.Get("resultCount"); v.IsNumber() {
				count = int(v.AsNumber())
			}
			return "-", in.Set("results", property.New(shuffled(inputs, count, source(in)))), nil
		},
	}
}

// shuffled deals count of the inputs. An input comes again only after all others.
func shuffled(inputs []property.Value, count int, numbers *rand.Rand) []property.Value {
	results := []property.Value{}
	for len(results) < count && len(inputs) > 0 {
		for _, i := range numbers.Perm(len(inputs))[:min(len(inputs), count-len(results))] {
			results = append(results, inputs[i])
		}
	}
	return results
}

// source returns random numbers, or with a seed those that the plugin makes of
// it.
func source(in property.Map) *rand.Rand {
	seed := in.Get("seed")
	if !seed.IsString() || seed.AsString() == "" {
		return rand.New(rand.NewSource(rand.Int63()))
	}
	sum := crc64.Checksum([]byte(seed.AsString()), crc64.MakeTable(crc64.ISO))
	return rand.New(rand.NewSource(int64(sum)))
}
